"""From a row of a table to a scenario of our program.

A case is what one simulation needs: settings by the study's keys. Rows that ask for the same settings share it. A row
that cannot be run raises Unusable with the reason that is counted.
"""

import collections
import re

from validation import benchmarks, models


class Unusable(Exception):
    """Why a row cannot be compared."""


MODELS = {
    "llama 3.1 8b": "llama-3.1-8b",
    "llama v3.1 8b": "llama-3.1-8b",
    "meta-llama/llama-3.1-8b-instruct": "llama-3.1-8b",
    "nvidia/llama-3.1-8b-instruct-fp8": "llama-3.1-8b",
    "llama-3.1-8b": "llama-3.1-8b",
    "llama 3.1 70b": "llama-3.1-70b",
    "llama v3.1 70b": "llama-3.1-70b",
    "llama-3.1-70b": "llama-3.1-70b",
    "llama 3.3 70b": "llama-3.3-70b",
    "llama v3.3 70b": "llama-3.3-70b",
    "llama 3.1 405b": "llama-3.1-405b",
    "llama v3.1 405b": "llama-3.1-405b",
    "llama-3.1-405b": "llama-3.1-405b",
    "llama 7b": "llama-2-7b",
    "llama-2-7b": "llama-2-7b",
    "llama 70b": "llama-2-70b",
    "llama-2-70b": "llama-2-70b",
    "mistral 7b": "mistral-7b",
    "mixtral 8x7b": "mixtral-8x7b",
    "mixtral-8x7b": "mixtral-8x7b",
    "mixtral 8x22b": "mixtral-8x22b",
    "qwen/qwen3-32b": "qwen3-32b",
    "nvidia/qwen3-32b-nvfp4": "qwen3-32b",
    "qwen3-30b-a3b": "qwen3-30b-a3b",
    "qwen3 30b a3b": "qwen3-30b-a3b",
    "qwen3-235b-a22b": "qwen3-235b-a22b",
    "qwen3 235b a22b": "qwen3-235b-a22b",
    "qwen/qwen3-235b-a22b-fp8": "qwen3-235b-a22b",
    "deepseek r1 0528": "deepseek-r1",
    "deepseek-ai/deepseek-r1": "deepseek-r1",
    "nvidia/deepseek-r1-nvfp4": "deepseek-r1",
    "nvidia/deepseek-v3.1-nvfp4": "deepseek-v3",
    "qwen/qwen3.5-397b-a17b": "qwen3.5-397b-a17b",
    "gpt-oss 20b": "gpt-oss-20b",
    "gpt-oss 120b": "gpt-oss-120b",
    "openai/gpt-oss-120b": "gpt-oss-120b",
    "gpt-j 6b": "gpt-j-6b",
    "falcon 180b": "falcon-180b",
    "llama 4 scout": "llama-4-scout",
    "llama 4 maverick": "llama-4-maverick",
    "llama v4 maverick": "llama-4-maverick",
    "moonshotai/kimi-k2.5": "kimi-k2.5",
}

# Name in configs/hardware, GiB that CUDA reports.
GPUS = [
    (r"A100-PCIE", "a100-80g-pcie", 79.1),
    (r"A100-SXM|A100-80GB \(power", "a100-80g-sxm", 79.1),
    (r"H100", "h100-sxm", 79.1),
    (r"GH200", "gh200", 94.5),
    (r"H200", "h200-sxm", 139.8),
    (r"GB200", "gb200", 184.0),
    (r"B200", "b200-sxm", 178.4),
    (r"L40S", "l40s", 44.4),
    (r"RTX6000Pro", "rtx-pro-6000", 94.9),
]

WEIGHT_BYTES = {"bf16": 2.0, "fp16": 2.0, "fp8": 1.0, "fp8_block": 1.0, "int8": 1.0, "int4": 0.5, "nvfp4": 0.5, "mxfp4": 0.5}


def weight_bytes(row):
    """Of a value of most weights: of the experts where they have a format of their own."""
    name = model_of(row)
    model = models.read(name)
    return WEIGHT_BYTES[weight_dtype_of(row, name) or model.get("expert_dtype", model["dtype"])]


def gpu_of(row):
    for pattern, name, memory_gib in GPUS:
        if re.search(pattern, row["gpu"]) and (models.ROOT / "configs" / "hardware" / f"{name}.yaml").exists():
            return name, memory_gib
    raise Unusable(f"no hardware file for {row['gpu']}")


def model_of(row):
    key = row["model"].lower()
    if key not in MODELS or models.path_of(MODELS[key]) is None:
        raise Unusable(f"no model file for {row['model']}")
    return MODELS[key]


def weight_dtype_of(row, model):
    text = row["precision"].lower()
    checkpoint = models.read(model)
    if text.startswith("not stated") or model.startswith("gpt-oss"):
        return None
    if "4-bit" in text:
        return "int4"
    if "8-bit" in text or "int8" in text:
        return "int8"
    dtype = {"fp4": "nvfp4"}.get(text, text)
    if dtype == "fp8" and (row["model"].startswith("Qwen/") or checkpoint.get("dtype") == "fp8_block"):
        dtype = "fp8_block"  # Qwen's and DeepSeek's own: weight_block_size [128, 128] in their config.json
    if dtype not in WEIGHT_BYTES:
        raise Unusable(f"no format {row['precision']}")
    return None if dtype in (checkpoint.get("dtype"), checkpoint.get("expert_dtype")) else dtype


def attending_to_all(model):
    """TensorRT-LLM keeps and reads all keys unless it is given max_attention_window_size (docs/source/advanced/
    gpt-attention.md), which its benchmarks are not."""
    if "sliding_window" in models.read(model) and "sliding_window_pattern" not in models.read(model):
        return {"base": str(models.path_of(model)), "sliding_window": None}
    return str(models.path_of(model))


def settings_of(row):
    """Model and settings that are common to all tables."""
    model = model_of(row)
    hardware, _ = gpu_of(row)
    tp, pp = int(row["tp"]), int(row["pp"] or 1)
    settings = {
        "model": attending_to_all(model) if row["engine"].startswith("TensorRT-LLM") else str(models.path_of(model)),
        "cluster.hardware": hardware,
        "strategy.tp": tp,
        "strategy.pp": pp,
        "strategy.dp": 1,
        "strategy.ep": 1,
    }
    dtype = weight_dtype_of(row, model)
    if dtype:
        settings["engine.weight_dtype"] = dtype
    return model, settings


def set_load(settings, process, value, n_requests, input_len, output_len):
    profile = "workload.profiles.p."
    settings["workload.max_requests"] = n_requests
    settings[profile + "arrivals.process"] = process
    if process == "poisson":
        settings[profile + "arrivals.rate"] = value
    if process == "closed":
        settings[profile + "arrivals.concurrency"] = value
    settings[profile + "prompt_tokens.value"] = input_len
    settings[profile + "output_tokens.value"] = output_len


def attention_data_parallel(settings, n):
    """Attention on each of n GPUs, the experts spread over them."""
    settings["strategy.tp"] = 1
    settings["strategy.ep"] = n
    settings["strategy.expert_tp"] = 1


def online_serving(row):
    _, settings = settings_of(row)
    settings["engine.preset"] = "trtllm-0.17"
    rate = row["concurrency_or_rate"].split("=")[1]
    if rate == "INF":
        set_load(settings, "all_at_once", None, 500, int(row["input_len"]), int(row["output_len"]))
    else:
        set_load(settings, "poisson", float(rate), 500, int(row["input_len"]), int(row["output_len"]))
    return settings


def perf_overview(row):
    model, settings = settings_of(row)
    _, memory_gib = gpu_of(row)
    moe = models.is_moe(models.read(model))
    pytorch = "PyTorch" in row["engine"]
    settings["engine.preset"] = "trtllm-1.0" if pytorch else "trtllm-0.17"
    tp, dp = int(row["tp"]), int(row["dp"])
    if dp > 1:
        attention_data_parallel(settings, dp)
    elif moe and pytorch and tp > 1:
        attention_data_parallel(settings, tp)
    dtype = settings.get("engine.weight_dtype") or models.read(model)["dtype"]
    fp8_kv = dtype in ("fp8", "fp8_block", "nvfp4") or (model.startswith("gpt-oss") and "B200" in row["gpu"])
    if fp8_kv:
        settings["engine.kv_dtype"] = "fp8"
    lengths = int(row["input_len"]), int(row["output_len"])
    by_name = row["engine"].endswith(" 0.14.0")  # and nothing in that page's commands raises the cache's default share
    limits = benchmarks.trtllm_bench_engine(model, tp, *lengths) if by_name else None
    limits = limits or benchmarks.trtllm_bench_limits(
        model, memory_gib, max(tp, dp), int(row["pp"]), weight_bytes(row), 1 if fp8_kv else 2, *lengths
    )
    # the first limit is of each of the pp batches in flight, ours of all of them
    settings["engine.max_num_seqs"] = min(limits[0] * settings["strategy.pp"], limits[1])
    settings["engine.max_num_batched_tokens"] = limits[1]
    settings["engine.enable_chunked_prefill"] = True
    settings["engine.gpu_memory_utilization"] = 0.9 if by_name else 0.95
    set_load(settings, "all_at_once", None, benchmarks.TRTLLM_BENCH_REQUESTS[lengths], *lengths)
    return settings


def has_xqa(row, model):
    """Whether the version's decode kernel on tensor cores takes the model: from 0.8 on, of 8 query heads of 128 for each
    KV head (docs/source/gpt_attention.md: "LLAMA2 70B is one model that it supports"; supportConfig in
    decoderXQARunner.cpp wants a kernel compiled for just that many)."""
    group = model["num_attention_heads"] / models.kv_heads(model)
    version = tuple(map(int, row["engine"].split()[-1].split(".")))
    return version >= (0, 8) and group == 8 and models.head_dim(model) == 128


def static_batch(row):
    name, settings = settings_of(row)
    settings["engine.preset"] = "static"
    attention = "whole" if has_xqa(row, models.read(name)) else "masked"
    settings["cluster.hardware"] = {
        "base": settings["cluster.hardware"],
        "kernel_library": "trtllm",
        "decode_attention": attention,
    }
    settings["engine.custom_all_reduce"] = True
    if settings.get("engine.weight_dtype") == "fp8":
        settings["engine.kv_dtype"] = "fp8"
    batch = int(row["concurrency_or_rate"].split("=")[1])
    set_load(settings, "all_at_once", None, batch, int(row["input_len"]), int(row["output_len"]))
    return settings


PRESETS = {"vllm": "vllm-0.12", "trtllm": "trtllm-1.0", "sglang": "sglang-0.5"}


def preset_of(engine):
    """Of "vllm 0.15.1" and the like."""
    name, version = engine.split()
    if name == "vllm" and int(version.split(".")[1]) >= 14:
        return "vllm-0.14"
    return PRESETS[name]


def generated(row):
    """Whether AIConfigurator wrote the engine's settings. Its runs of SGLang 0.5.1 are older than that, and those it
    calls gap analyses are of InferenceMAX."""
    return "gap_analysis" not in row["source_path_or_section"] and row["engine"] != "sglang 0.5.1.post1"


def batch_of(row):
    """Requests of one scheduler at a time, where the source says that there are several schedulers."""
    found = re.search(r"source batch_size=(\d+) differs", row["notes"])
    return int(found.group(1)) if found else None


def fills_64(row):
    """In the runs of March 2026 with 1.3.0rc5, replicas fill 64 GPUs: 32 of 2 GPUs, 8 of 8."""
    return row["engine"] == "trtllm 1.3.0rc5" and int(row["concurrency_or_rate"].split("=")[1]) == (
        batch_of(row) * 64 // int(row["tp"])
    )


def cached(row):
    """No H200 computes prompts as fast as these runs of 8B in fp8 would have it (1.5 PFLOP/s and more)."""
    return row["model"] == "nvidia/Llama-3.1-8B-Instruct-FP8"


def aic_runs(row):
    model, settings = settings_of(row)
    settings["engine.preset"] = preset_of(row["engine"])
    tp, ep = int(row["tp"]), int(row["ep"])
    kind, value = row["concurrency_or_rate"].split("=")
    if kind != "concurrency":
        raise Unusable("the number of users is not stated")
    concurrency = int(value)
    batch = batch_of(row) or concurrency
    if batch * tp == concurrency and tp > 1 and models.is_moe(models.read(model)) and not fills_64(row):
        attention_data_parallel(settings, tp)
    else:
        settings["strategy.dp"] = concurrency // batch
        if ep > 1:
            settings["strategy.expert_tp"] = tp // ep
    if row["model"].startswith("nvidia/") or (generated(row) and row["precision"] in ("fp8", "fp4")):
        settings["engine.kv_dtype"] = "fp8"  # AIConfigurator's own choice, sdk/task.py
    lengths = int(row["input_len"]), int(row["output_len"])
    rounds = 10
    if generated(row):
        rounds = benchmarks.aiconfigurator_rounds(row["engine"], row["gpu"])
        settings.update(benchmarks.aiconfigurator_limits(*row["engine"].split(), batch, *lengths))
    if generated(row) or row["engine"].startswith("sglang"):
        settings["engine.sampling"] = benchmarks.sampling_of_chats(row["engine"])
    prompt = lengths[0] + (0 if "gap_analysis" in row["source_path_or_section"] else benchmarks.chat_tokens(model))
    set_load(settings, "closed", concurrency, rounds * concurrency, prompt, lengths[1])
    if cached(row):
        benchmarks.repeat_prompts(settings, 100)
    if "gap_analysis" in row["source_path_or_section"]:
        benchmarks.vary_as_inferencemax(settings, *lengths)
    return settings


def gptfast(row):
    if "tokens_per_s" not in row["metric"]:
        raise Unusable("achieved bandwidth is not a metric of ours")
    _, settings = settings_of(row)
    settings["engine.preset"] = "static"
    settings["engine.cuda_graphs"] = "all"
    settings["engine.custom_all_reduce"] = True  # ENABLE_INTRA_NODE_COMM=1 in its README
    set_load(settings, "all_at_once", None, 1, 5, 200)
    return settings


BY_TABLE = {
    "e2e_trtllm_online_serving": online_serving,
    "e2e_trtllm_perf_overview": perf_overview,
    "e2e_trtllm_static_batch": static_batch,
    "e2e_aic_nvidia_runs": aic_runs,
    "e2e_gptfast_decode_bs1": gptfast,
}

Metric = collections.namedtuple("Metric", "column factor kind")

# A table's metric: our column, the factor to the table's unit (none: it is a rate of what we have as seconds, and both are
# compared as seconds), and what it is summed up as.
METRICS = {
    "request_throughput": Metric("request_throughput", 1, "throughput"),
    "total_token_throughput": Metric("total_token_throughput", 1, "throughput"),
    "output_token_throughput_total": Metric("output_token_throughput", 1, "throughput"),
    "output_token_throughput_per_gpu": Metric("output_token_throughput_per_gpu", 1, "throughput"),
    "mean_ttft": Metric("ttft_mean_s", 1e3, "ttft"),
    "ttft": Metric("ttft_mean_s", 1e3, "ttft"),
    "first_token_latency": Metric("ttft_mean_s", 1e3, "ttft"),
    "mean_itl": Metric("itl_mean_s", 1e3, "tpot"),
    "tpot": Metric("tpot_mean_s", 1e3, "tpot"),
    "decode_tokens_per_s_per_user": Metric("tpot_mean_s", None, "tpot"),
}


def case_of(row):
    """Settings of the simulation that a row asks for."""
    settings = BY_TABLE[row["table"]](row)
    gpus = 1
    for degree in ("tp", "pp", "dp", "ep"):
        gpus *= settings[f"strategy.{degree}"]
    settings["cluster.nodes"] = (gpus + 7) // 8
    return settings


def predicted(row, metrics):
    """The program's value in the table's unit, or seconds."""
    metric = METRICS[row["metric"]]
    return metrics[metric.column] * (metric.factor or 1)


def measured(row):
    """The table's value, as seconds where it is a rate."""
    value = float(row["value"])
    return value if METRICS[row["metric"]].factor else 1 / value


def class_of(row):
    """Dense or a mixture of experts, and the width of its weights."""
    kind = "experts" if models.is_moe(models.read(model_of(row))) else "dense"
    return f"{kind} {weight_bytes(row) * 8:.0f} bit"
