"""What the benchmark programs behind the tables set, where they do not leave it to the engine."""

import math

from validation import models

GIB = 1024**3

# Requests of a run by input and output length: TensorRT-LLM, docs/source/performance/perf-overview.md, "Preparing a
# Dataset" (0.14, 0.17 and 1.0 agree), and docs/source/developer-guide/perf-overview.md for the last five.
TRTLLM_BENCH_REQUESTS = {
    (128, 128): 30000,
    (128, 2048): 3000,
    (128, 4096): 1500,
    (500, 2000): 3000,
    (1000, 1000): 3000,
    (1000, 2000): 1500,
    (2048, 128): 3000,
    (2048, 2048): 1500,
    (5000, 500): 1500,
    (20000, 2000): 1000,
    (1024, 1024): 3000,
    (8192, 1024): 1500,
    (1024, 8192): 1500,
    (32768, 1024): 1000,
    (1024, 32768): 1000,
}


def trtllm_bench_limits(name, memory_gib, tp, pp, weight_bytes, kv_bytes, input_len, output_len):
    """max_num_seqs and max_num_batched_tokens as trtllm-bench chooses them for a data set: tensorrt_llm/bench/build/
    tuning.py, calc_engine_setting and finetune_setting."""
    model = models.read(name)
    memory = (memory_gib * tp * pp - models.parameters(model) * weight_bytes / GIB) * 0.95
    token = models.kv_values_per_token(model, tp) * kv_bytes / GIB
    requests = max(1.0, memory / (token * (input_len + output_len)))
    batch = min(requests, 4096) / pp
    tokens = min(batch * (1 + input_len / output_len), 32768)
    if batch < 256:
        n_seqs = max(64, 32 * math.ceil(batch / 32))
    elif batch < 1024:
        n_seqs = 128 * math.ceil(batch / 128)
    else:
        n_seqs = 256 * math.ceil(batch / 256)
    if tokens < 4096:
        n_tokens = max(2048, 256 * math.ceil(tokens / 256))
    elif tokens < 8192:
        n_tokens = 512 * math.ceil(tokens / 512)
    else:
        n_tokens = 1024 * math.ceil(tokens / 1024)
    return n_seqs, max(n_tokens, n_seqs)


# max_batch_size and max_num_tokens that trtllm-bench built engines with up to 0.14, by model and tensor parallel degree:
# tensorrt_llm/bench/build/benchmark_config.yml at 8fcf9fc21589. Llama 3.1 has the architecture of Llama 3.
TRTLLM_BENCH_ENGINES = {
    ("llama-3.1-8b", 1): (2048, 8192),
    ("llama-3.1-70b", 1): (2048, 2048),
    ("llama-3.1-70b", 2): (256, 1024),
    ("llama-3.1-70b", 4): (2048, 1024),
    ("llama-3.1-70b", 8): (8192, 16384),
    ("mistral-7b", 1): (4098, 8192),
    ("mixtral-8x7b", 2): (2048, 3072),
    ("mixtral-8x7b", 4): (8192, 8192),
}
TRTLLM_BENCH_ENGINES_OF_LENGTH = {("llama-3.1-70b", 2, 4096): (2048, 1024)}


def trtllm_bench_engine(name, tp, input_len, output_len):
    """Limits of a model's engine that go by its name; none where the file has no such model or degree."""
    longest = TRTLLM_BENCH_ENGINES_OF_LENGTH.get((name, tp, input_len + output_len))
    return longest or TRTLLM_BENCH_ENGINES.get((name, tp))


# AIConfigurator's benchmarks ask for chats: tokens that the model's chat template puts around a prompt (chat_template of the
# checkpoint's tokenizer_config.json).
CHAT_TOKENS = {"llama": 35, "qwen": 8, "deepseek": 3, "gpt-oss": 68}


def chat_tokens(model):
    return next((n for family, n in CHAT_TOKENS.items() if model.startswith(family)), 0)


def sampling_of_chats(engine):
    """How tokens are drawn where a chat asks for nothing, as genai-perf and AIPerf send it. vLLM and SGLang take temperature,
    top-k and top-p from the model's generation_config.json (vllm/config/model.py, generation_config "auto";
    github.com/sgl-project/sglang/pull/11304), and those of Llama 3.1, Qwen3 and DeepSeek have top_p. SGLang filters all tokens
    but greedy ones, before that change with a temperature of 0.7 (srt/entrypoints/openai/protocol.py, srt/layers/sampler.py of
    0.5.1). Dynamo's TensorRT-LLM worker begins with SamplingParams(), which is greedy."""
    return "greedy" if engine.startswith("trtllm") else "top_p"


def aiconfigurator_limits(engine, version, batch, input_len, output_len):
    """The engine's limits as AIConfigurator writes them into the deployments that its runs measure:
    github.com/ai-dynamo/aiconfigurator, generator/rule_plugin/*.rule and, before December 2025,
    generator/backends/trtllm.py. At least 512 sequences are its rule for production, of 30 January 2026 (pull/290). What a step
    takes beside a prompt is 1,500 tokens since the first public commit, of 11 August 2025, but 1,000 in the comment above that
    line (cli/backends/trtllm.py at efcae124c), which must be older. Runs of 1.0.0rc3, a version of July 2025,
    get the older one: both TTFT and TPOT are nearer with it (docs/validation.md)."""
    old = (engine, version) == ("trtllm", "1.0.0rc3")
    n_seqs = batch if old else 512 if batch < 512 else 2 * batch
    margin = 1000 if old else 1500
    limits = {"engine.max_num_seqs": n_seqs, "engine.max_num_batched_tokens": n_seqs + input_len + margin}
    if engine == "trtllm":
        limits["engine.gpu_memory_utilization"] = 0.8
    if engine == "vllm":
        limits["engine.max_model_len"] = input_len + output_len + 1500
    if engine == "sglang":
        # --max-prefill-tokens: another prompt joins a step if all of it fits; only --chunked-prefill-size, 8,192 and more, cuts
        # prompts (sglang, srt/managers/schedule_policy.py, PrefillAdder.add_one_req)
        limits["engine.max_num_batched_tokens"] = input_len + 1500
        limits["engine.enable_chunked_prefill"] = False
        limits["engine.batching"] = "mixed"
    return limits


def aiconfigurator_rounds(engine, gpu):
    """Requests that a user sends. Until the generator learned to write a benchmark script (February 2026:
    generator/config/backend_templates/benchmark/bench_run.sh.j2, 50 and since April 20) its own harness sent 10, of as
    many different prompts (eval/benchmarks/genai_perf_runner.py). The H200 runs have one load for each deployment, the
    script's."""
    own = engine == "trtllm 1.0.0rc3" or (engine == "vllm 0.12.0" and "H100" in gpu)
    return 10 if own else 20


def repeat_prompts(settings, n_prompts):
    """Every prompt is one of so many, drawn evenly. AIPerf has 100 unless it is told otherwise
    (github.com/ai-dynamo/aiperf, aiperf/common/config/config_defaults.py, NUM_DATASET_ENTRIES), and the script does not."""
    profile = "workload.profiles.p."
    prompt = settings[profile + "prompt_tokens.value"]
    settings[profile + "shared_prefix"] = {"tokens": prompt - 1, "groups": n_prompts, "skew": 0}
    settings[profile + "prompt_tokens.value"] = 1


def vary_as_inferencemax(settings, input_len, output_len):
    """InferenceMAX draws both lengths evenly between 0.8 of the nominal one and all of it (README.md, RANDOM_RANGE_RATIO)."""
    for key, value in (("prompt_tokens", input_len), ("output_tokens", output_len)):
        profile = f"workload.profiles.p.{key}."
        del settings[profile + "value"]
        settings.update({profile + "dist": "uniform", profile + "low": int(0.8 * value), profile + "high": value})
