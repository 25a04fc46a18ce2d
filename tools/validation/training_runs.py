"""Training runs that laboratories published with their settings. Nothing in the program was set by them.

A table has a source, what all of its rows share as a study, and rows: settings of their own, and what was measured.
`step_s` is seconds of an optimizer step, `tokens` tokens a second and GPU, `mfu` that of PaLM, `hardware_tflops` and
`model_tflops` those of a GPU by the formula of Narayanan et al. 2021 (arXiv 2104.04473), with and without
recomputation. Where a table leaves something open, its source says what was assumed.
"""

NEMO = {  # the recipes' YAML files of the same tag; attention is cuDNN's, which Transformer Engine prefers on Hopper
    "cluster.hardware": "h100-sxm",
    "training.gradient_dtype": "bf16",
    "training.zero_stage": 1,
    "training.attention": "cudnn",
    "training.dropout": False,
    "training.overlap_tensor": "all",
    "training.overlap_send": True,
}
MEGATRON_DEEPSPEED = {  # before flash attention; stages send what all GPUs of tp have
    "cluster.hardware": "a100-80g-sxm",
    "training.attention": "unfused",
    "training.recompute": "full",
    "training.sequence_parallel": False,
    "training.scatter_send": False,
    "training.zero_stage": 1,
    "training.overlap_grad_reduce": False,
    "training.overlap_param_gather": False,
}
MEGATRON_2020 = {
    "training.attention": "unfused",
    "training.recompute": "full",
    "training.sequence_parallel": False,
    "training.sequence_length": 1024,
    "training.gradient_dtype": "bf16",
    "training.overlap_tensor": "none",
}
JEAN_ZAY = {**MEGATRON_DEEPSPEED, "training.ends_as_layers": True, "cluster.inter_node": {"bandwidth": "100 Gb/s"}, "cluster.nics_per_node": 4}
FSDP = {"training.zero_stage": 3, "training.recompute_early_stop": True}
LLAMA_34B = {
    "base": "llama-2-70b", "num_hidden_layers": 48, "hidden_size": 8192, "intermediate_size": 22016,
    "num_attention_heads": 64, "num_key_value_heads": 8,
}
NEMOTRON_15B = {
    "num_hidden_layers": 32, "hidden_size": 6144, "intermediate_size": 24576, "num_attention_heads": 48,
    "num_key_value_heads": 8, "vocab_size": 256000, "gated_mlp": False, "norm": "layer", "dtype": "bf16",
}
NEMOTRON_340B = {
    **NEMOTRON_15B, "num_hidden_layers": 96, "hidden_size": 18432, "intermediate_size": 73728,
    "num_attention_heads": 96,
}
GROK_314B = {
    "num_hidden_layers": 64, "hidden_size": 6144, "num_attention_heads": 48, "num_key_value_heads": 8,
    "vocab_size": 131072, "n_routed_experts": 8, "num_experts_per_tok": 2, "moe_intermediate_size": 32768, "dtype": "bf16",
}
NEOX_20B = {
    "num_hidden_layers": 44, "hidden_size": 6144, "num_attention_heads": 64, "vocab_size": 50432, "gated_mlp": False,
    "norm": "layer", "attention_bias": True, "attention_out_bias": True, "mlp_bias": True, "dtype": "fp16",
}


def gpt(layers, hidden, heads, vocab=51200):
    return {"base": "megatron-gpt-22b", "num_hidden_layers": layers, "hidden_size": hidden,
            "intermediate_size": 4 * hidden, "num_attention_heads": heads, "head_dim": hidden // heads,
            "vocab_size": vocab, "max_position_embeddings": 4096}


def mpt(layers, hidden, heads):
    return {"num_hidden_layers": layers, "hidden_size": hidden, "num_attention_heads": heads,
            "intermediate_size": 4 * hidden, "vocab_size": 50368, "gated_mlp": False, "norm": "layer",
            "tie_word_embeddings": True, "position_embedding": "alibi", "dtype": "bf16"}


def bloom(layers, hidden, heads):
    return {"base": "bloom-176b", "num_hidden_layers": layers, "hidden_size": hidden, "num_attention_heads": heads,
            "intermediate_size": 4 * hidden}


def rows(names, *values):
    return [dict(zip(names.split(), value)) for value in values]


MPT_7B, MPT_13B, MPT_30B, MPT_70B = mpt(32, 4096, 32), mpt(40, 5120, 40), mpt(48, 7168, 56), mpt(80, 8192, 64)
MOSAIC = {**FSDP, "training.fused_loss": True, "training.flash_version": 1,
          "training.dropout": False}
GPT_1B, GPT_2B = gpt(24, 1920, 15), gpt(30, 2304, 18)
GPT_4B, GPT_8B = gpt(36, 3072, 24), gpt(42, 4096, 32)
DGXC = "NVIDIA/dgxc-benchmarking, tag v25.02, "
GRID = "nodes tp pp dp micro_batch_size global_batch_size"


def both(model, path, names, settings, values, **common):
    """Rows in bf16 and fp8: `values` is settings, bf16 step, fp8 step."""
    return [
        {"name": f"{model}, H100, {precision}", "source": DGXC + path,
         "common": {**NEMO, **settings, "training.precision": precision, **common},
         "rows": [dict(zip((names + " step_s").split(), (*row[:-2], row[at]))) for row in values]}
        for precision, at in (("bf16", -2), ("fp8", -1))
    ]


TABLES = [
    *both("Llama 3.1 8B", "llama3.1/README_8b.md", "nodes dp global_batch_size",
          {"model": "llama-3.1-8b", "training.sequence_length": 8192, "training.context_parallel": 2},
          [(1, 8, 128, 12.78, 9.44), (4, 32, 512, 13.0, 9.60), (16, 128, 2048, 13.16, 9.73)]),
    *both("Llama 3.1 70B", "llama3.1/README_70b.md", "nodes dp global_batch_size",
          {"model": "llama-3.1-70b", "training.sequence_length": 8192, "training.context_parallel": 2,
           "strategy.tp": 4, "strategy.pp": 4, "training.virtual_stages": 5},
          [(8, 4, 128, 14.61, 10.46), (32, 16, 512, 14.72, 10.75), (256, 128, 4096, 14.84, 10.99)]),
    *both("Llama 3.1 405B", "llama3.1/README_405b.md", "nodes pp dp layers virtual_stages global_batch_size",
          {"model": {"base": "llama-3.1-405b", "num_key_value_heads": 16}, "training.sequence_length": 8192,
           "training.context_parallel": 2, "strategy.tp": 8},
          [(12, 3, 4, 21, 7, 126, 8.87, 5.63), (72, 9, 8, 126, 7, 252, 17.5, 11.0),
           (288, 9, 32, 126, 7, 1008, 17.7, 11.2)]),
    *both("GPT-3 175B", "nemo_megatron/README_175b.md", "nodes dp global_batch_size",
          {"model": "megatron-gpt-175b", "training.sequence_length": 2048, "strategy.tp": 4, "strategy.pp": 8,
           "training.virtual_stages": 12},
          [(16, 4, 256, 8.309, 5.626), (64, 16, 1024, 8.42, 5.774), (256, 64, 4096, 8.49, 5.96)],
          **{"training.dropout": True, "training.attention": "cudnn"}),
    *both("Nemotron-4 15B", "nemotron/README_15b.md", "nodes dp global_batch_size",
          {"model": NEMOTRON_15B, "training.sequence_length": 4096, "strategy.tp": 4, "training.micro_batch_size": 4},
          [(2, 4, 64, 2.812, 2.039), (16, 32, 512, 2.859, 2.059), (256, 512, 8192, 2.887, 2.12)]),
    *both("Nemotron-4 340B", "nemotron/README_340b.md", "nodes dp global_batch_size",
          {"model": NEMOTRON_340B, "training.sequence_length": 4096, "strategy.tp": 8, "strategy.pp": 8,
           "training.virtual_stages": 12, "training.overlap_tensor": "backward", "training.overlap_send": False},
          [(16, 2, 32, 4.61, 3.16), (64, 8, 128, 4.70, 3.26), (256, 32, 512, 4.84, 3.49)]),
    *both("Grok-1 314B", "grok1/README_314b.md", "nodes dp global_batch_size",
          {"model": GROK_314B, "training.sequence_length": 8192, "training.context_parallel": 2, "strategy.tp": 4,
           "strategy.pp": 8, "strategy.ep": 8, "training.virtual_stages": 8, "training.overlap_tensor": "backward"},
          [(64, 2, 1024, 21.01, 16.90), (256, 8, 4096, 21.29, 17.30)]),
    {
        "name": "Nemotron-4 340B, H100, bf16, 8T tokens", "source": "arXiv 2406.11704, Table 2",
        "common": {**NEMO, "model": NEMOTRON_340B, "training.sequence_length": 4096, "strategy.tp": 8,
                   "strategy.pp": 12, "training.virtual_stages": 8, "training.gradient_dtype": "fp32"},
        "rows": rows("nodes dp global_batch_size step_s", (768, 64, 2304, 8.0)),
    },
    {
        "name": "Llama 2, FSDP, A100, 400 Gb/s a node",
        "source": "PyTorch blog, Maximizing training throughput using PyTorch FSDP, March 2024, Table 1",
        "common": {**FSDP, "cluster.hardware": "a100-80g-sxm", "cluster.nodes": 16,
                   "cluster.inter_node": {"bandwidth": "100 Gb/s"}, "cluster.nics_per_node": 4, "strategy.dp": 128,
                   "training.gradient_dtype": "bf16",
                   "training.sequence_length": 4096, "training.micro_batch_size": 2,
                   "training.global_batch_size": 256},
        "rows": rows("model recompute recompute_share shard_group tokens", ("llama-2-7b", "selective", 1, 8, 3700), ("llama-2-13b", "full", 0.5, 128, 1800),
                     (LLAMA_34B, "full", 1, 128, 700), ("llama-2-70b", "full", 1, 128, 370)),
    },
    {
        "name": "Llama 2, FSDP, H100, 800 Gb/s a node",
        "source": "PyTorch blog, Maximizing training throughput using PyTorch FSDP, March 2024, Table 1",
        "common": {**FSDP, "cluster.hardware": "h100-sxm", "cluster.nodes": 12,
                   "cluster.inter_node": {"bandwidth": "100 Gb/s"}, "strategy.dp": 96,
                   "training.gradient_dtype": "bf16",
                   "training.sequence_length": 4096, "training.micro_batch_size": 2,
                   "training.global_batch_size": 192},
        "rows": rows("model recompute recompute_share shard_group tokens", ("llama-2-7b", "selective", 1, 8, 7500), ("llama-2-13b", "full", 0.5, 96, 3800),
                     (LLAMA_34B, "full", 1, 96, 1550), ("llama-2-70b", "full", 1, 96, 800)),
    },
    {
        "name": "Llama 2 and 3, FSDP2, A100", "source": "pytorch/torchtitan, docs/performance.md, September 2024",
        "common": {**FSDP, "cluster.hardware": "a100-80g-sxm", "cluster.nodes": 8, "strategy.dp": 64},
        "rows": rows("model sequence_length micro_batch_size global_batch_size recompute recompute_share tokens",
                     ("llama-3-8b", 8192, 1, 64, "full", 0.5, 2904), ("llama-3-70b", 8192, 1, 64, "full", 1, 331),
                     ("llama-2-13b", 4096, 2, 128, "selective", 1, 2162),
                     ("llama-2-13b", 4096, 2, 128, "full", 0.5, 1914), ("llama-2-70b", 4096, 2, 128, "full", 1, 353)),
    },
    {
        "name": "MPT, FSDP, A100", "source": "mosaicml/llm-foundry, scripts/train/benchmarking/README.md",
        "common": {**MOSAIC, "cluster.hardware": "a100-80g-sxm"},
        "rows": rows("model nodes dp sequence_length micro_batch_size global_batch_size recompute tokens",
                     (MPT_70B, 8, 64, 2048, 8, 2048, "full", 410), (MPT_70B, 4, 32, 2048, 2, 1024, "full", 373),
                     (MPT_30B, 1, 8, 8192, 1, 168, "full", 574), (MPT_30B, 1, 8, 2048, 3, 504, "full", 916),
                     (MPT_13B, 1, 8, 8192, 5, 120, "full", 1795), (MPT_13B, 1, 8, 2048, 2, 48, "selective", 2262),
                     (MPT_7B, 1, 8, 8192, 8, 128, "full", 3206), (MPT_7B, 1, 8, 2048, 6, 96, "selective", 4641)),
    },
    {
        "name": "MPT, FSDP, H100", "source": "mosaicml/llm-foundry, scripts/train/benchmarking/README.md",
        "common": {**MOSAIC, "cluster.hardware": "h100-sxm"},
        "rows": rows("model nodes dp sequence_length micro_batch_size global_batch_size recompute tokens",
                     (MPT_70B, 64, 512, 2048, 8, 4096, "full", 1007), (MPT_70B, 16, 128, 2048, 8, 1024, "full", 1058),
                     (MPT_70B, 8, 64, 2048, 8, 2048, "full", 1039), (MPT_30B, 64, 512, 2048, 8, 4096, "full", 2115),
                     (MPT_30B, 16, 128, 2048, 8, 1024, "full", 2199), (MPT_30B, 1, 8, 8192, 1, 168, "full", 1384),
                     (MPT_13B, 64, 512, 2048, 16, 8192, "full", 4952), (MPT_13B, 16, 128, 2048, 16, 2048, "full", 5080),
                     (MPT_13B, 1, 8, 2048, 2, 16, "selective", 4792),
                     (MPT_7B, 64, 512, 2048, 6, 3072, "selective", 9670),
                     (MPT_7B, 16, 128, 2048, 6, 768, "selective", 10475), (MPT_7B, 1, 8, 8192, 8, 128, "full", 6935),
                     (MPT_7B, 1, 8, 2048, 6, 48, "selective", 10643)),
    },
    {
        "name": "GPT, V100, Megatron-LM 2020", "source": "NVIDIA/Megatron-LM, images/tables.tex before 50a4b5fa0261",
        "common": {**MEGATRON_2020, "cluster.hardware": "v100-sxm", "training.micro_batch_size": 8,
                   "training.global_batch_size": 8},
        "rows": rows("model tp step_s", (GPT_1B, 1, 1.121), (GPT_2B, 2, 1.093), (GPT_4B, 4, 1.238),
                     (GPT_8B, 8, 1.407)),
    },
    {
        "name": "GPT, A100, Megatron-LM 2020", "source": "NVIDIA/Megatron-LM, images/tables.tex before 50a4b5fa0261",
        "common": {**MEGATRON_2020, "cluster.hardware": "a100-40g-sxm", "training.micro_batch_size": 16},
        "rows": rows("model nodes tp dp global_batch_size step_s", (GPT_1B, 1, 1, 1, 16, 1.076),
                     (GPT_2B, 1, 2, 1, 16, 1.026), (GPT_4B, 1, 4, 1, 16, 1.162), (GPT_8B, 1, 8, 1, 16, 1.343),
                     (GPT_1B, 16, 1, 128, 2048, 1.153), (GPT_2B, 32, 2, 128, 2048, 1.101),
                     (GPT_4B, 64, 4, 128, 2048, 1.242), (GPT_8B, 128, 8, 128, 2048, 1.380)),
    },
    {
        "name": "GPT, A100, Megatron-LM 2021", "source": "arXiv 2104.04473, Table 1; micro-batches of 2 assumed",
        "common": {"cluster.hardware": "a100-80g-sxm", "training.attention": "unfused", "training.recompute": "full",
                   "training.sequence_parallel": False, "training.overlap_tensor": "none",
                   "training.sequence_length": 2048, "training.micro_batch_size": 2},
        "rows": rows("model nodes tp pp dp global_batch_size hardware_tflops", (gpt(24, 2304, 24), 4, 1, 1, 32, 512, 137),
                     (gpt(30, 3072, 32), 8, 2, 1, 32, 512, 138), (gpt(36, 4096, 32), 16, 4, 1, 32, 512, 142),
                     (gpt(40, 6144, 48), 32, 8, 1, 32, 1024, 135), (gpt(48, 8192, 64), 64, 8, 2, 32, 1536, 138),
                     (gpt(60, 10240, 80), 128, 8, 4, 32, 1792, 140), (gpt(80, 12288, 96), 192, 8, 8, 24, 2304, 148),
                     (gpt(96, 16384, 128), 240, 8, 16, 15, 2160, 155),
                     (gpt(105, 20480, 128), 315, 8, 35, 9, 2520, 163),
                     (gpt(128, 25600, 160), 384, 8, 64, 6, 3072, 163)),
    },
    {
        "name": "GPT, H100, Megatron-LM 2024", "source": "NVIDIA/Megatron-LM, README.md, July 2024; micro-batches of 1 assumed",
        "common": {**NEMO, "training.gradient_dtype": "fp32", "training.sequence_length": 4096,
                   "training.zero_stage": 1},
        "rows": rows("model nodes tp pp dp global_batch_size model_tflops",
                     (gpt(24, 2048, 16, 131072), 6, 1, 1, 48, 192, 408.8),
                     (gpt(30, 4096, 32, 131072), 12, 2, 1, 48, 192, 465.9),
                     (gpt(32, 6144, 48, 131072), 24, 4, 1, 48, 192, 489.1),
                     (gpt(48, 7168, 56, 131072), 48, 8, 1, 48, 192, 459.6),
                     (gpt(84, 8192, 64, 131072), 96, 8, 2, 48, 384, 419.7),
                     (gpt(92, 10240, 80, 131072), 192, 8, 4, 48, 768, 420.5),
                     (gpt(96, 12288, 96, 131072), 288, 8, 6, 48, 1152, 432.8),
                     (gpt(96, 16384, 128, 131072), 384, 8, 8, 48, 1536, 474.4),
                     (gpt(112, 18432, 144, 131072), 768, 8, 16, 48, 3072, 459.9)),
    },
    {
        "name": "Llama 3, H100, fp8, Megatron Bridge",
        "source": "NVIDIA-NeMo/Megatron-Bridge, docs/performance-summary-archive.md, 25.09 and 26.04.01",
        "common": {**NEMO, "training.precision": "fp8", "training.sequence_length": 8192,
                   "training.ends_as_layers": True},
        "rows": rows("model nodes tp pp dp context_parallel virtual_stages ends_as_layers global_batch_size tokens",
                     ("llama-3-70b", 8, 4, 8, 2, 1, 5, False, 128, 1619),
                     ("llama-3-70b", 8, 4, 8, 2, 1, 5, False, 256, 1664),
                     ("llama-3.1-405b", 128, 8, 8, 16, 2, 8, True, 512, 302),
                     ("llama-3.1-405b", 128, 8, 8, 16, 2, 8, True, 1536, 328)),
    },
    {
        "name": "Mixtures of experts, H100, Megatron Bridge",
        "source": "NVIDIA-NeMo/Megatron-Bridge, docs/performance-summary-archive.md, 25.09 to 26.04.01; DeepEP assumed",
        "common": {**NEMO, "training.sequence_length": 4096, "training.all_to_all": "deepep",
                   "strategy.expert_tp": 1},
        "rows": rows("model precision nodes tp pp virtual_stages ep dp global_batch_size ends_as_layers tokens",
                     ("qwen3-30b-a3b", "fp8", 2, 1, 1, 1, 16, 1, 1024, False, 8960),
                     ("qwen3-30b-a3b", "fp8", 2, 1, 2, 12, 8, 1, 1024, False, 9058),
                     ("qwen3-235b-a22b", "fp8", 32, 2, 8, 3, 16, 1, 8192, True, 1712),
                     ("gpt-oss-120b", "bf16", 8, 1, 4, 1, 8, 2, 1280, False, 5824),
                     ("deepseek-v3", "fp8", 128, 2, 8, 1, 32, 2, 8192, False, 1297)),
    },
    {
        "name": "Llama 3 405B, H100, bf16, its training run", "source": "arXiv 2407.21783, Table 4",
        "common": {**NEMO, "model": "llama-3.1-405b", "training.ends_as_layers": True, "strategy.tp": 8,
                   "strategy.pp": 16, "training.sequence_length": 8192, "training.overlap_tensor": "backward",
                   "training.gradient_dtype": "fp32", "training.virtual_stages": 8},
        "rows": rows("nodes dp global_batch_size mfu", (1024, 64, 2048, 0.43), (2048, 128, 2048, 0.41)),
    },
    {
        "name": "1.3B, V100, two nodes of 4", "source": "bigscience, experiments/tr3m-1B3.md",
        "common": {**MEGATRON_2020, "cluster.hardware": "v100-sxm", "cluster.gpus_per_node": 4, "cluster.nodes": 2,
                   "model": gpt(24, 2048, 16, 50304), "training.sequence_length": 2048,
                   "training.global_batch_size": 512, "training.scatter_send": False},
        "rows": rows("tp pp dp micro_batch_size recompute step_s", (1, 1, 8, 1, "full", 29), (1, 1, 8, 8, "full", 28),
                     (1, 2, 4, 2, "full", 29), (1, 4, 2, 8, "full", 32), (1, 1, 8, 1, "none", 23),
                     (1, 4, 2, 2, "none", 24)),
    },
    {
        "name": "MT-NLG 530B, A100", "source": "arXiv 2201.11990, Section 2.4",
        "common": {**MEGATRON_DEEPSPEED, "model": "megatron-gpt-530b", "strategy.tp": 8, "strategy.pp": 35,
                   "training.sequence_length": 2048, "training.global_batch_size": 1920},
        "rows": rows("nodes dp step_s", (280, 8, 60.1), (350, 10, 50.2), (420, 12, 44.4)),
    },
    {
        "name": "BLOOM 176B, A100", "source": "bigscience, train/tr11-176B-ml/chronicles-prequel.md, 2022-02-28",
        "common": {**JEAN_ZAY, "cluster.nodes": 48, "training.sequence_length": 2048,
                   "training.global_batch_size": 2048},
        "rows": rows("model tp pp dp micro_batch_size step_s",
                     (bloom(70, 14336, 64), 8, 12, 4, 2, 121.63), (bloom(70, 14336, 64), 4, 12, 8, 2, 102.03),
                     (bloom(70, 14336, 112), 4, 12, 8, 2, 104.5), (bloom(70, 14336, 128), 4, 12, 8, 2, 105.89),
                     (bloom(70, 14336, 64), 4, 12, 8, 4, 102.27), (bloom(82, 13312, 64), 4, 12, 8, 2, 104.45),
                     (bloom(82, 13312, 64), 8, 12, 4, 4, 111.79), (bloom(100, 12288, 64), 8, 6, 8, 4, 120.96)),
    },
    {
        "name": "181B, A100, gradients in fp16",
        "source": "bigscience, train/tr11-176B-ml/chronicles-prequel.md, 2022-02-25",
        "common": {**JEAN_ZAY, "model": bloom(72, 14336, 64), "cluster.nodes": 48, "training.sequence_length": 2048,
                   "training.gradient_dtype": "bf16"},
        "rows": rows("tp pp dp micro_batch_size global_batch_size step_s", (8, 6, 8, 4, 2048, 114.11),
                     (8, 12, 4, 4, 2048, 117.07), (8, 12, 4, 2, 2048, 128.82), (8, 8, 6, 4, 2016, 113.16),
                     (8, 4, 12, 4, 2016, 114.81), (8, 2, 24, 2, 2016, 136.13), (4, 12, 8, 4, 2048, 111.89),
                     (4, 12, 8, 2, 2048, 110.48), (4, 6, 16, 2, 2048, 111.71), (2, 12, 16, 2, 2048, 112.5),
                     (2, 24, 8, 1, 2048, 119.53)),
    },
    {
        "name": "GPT-NeoX 20B, A100 40 GB", "source": "arXiv 2204.06745, Section 2.3: 117 TFLOP/s with recomputation",
        "common": {**MEGATRON_DEEPSPEED, "cluster.hardware": "a100-40g-sxm", "model": NEOX_20B, "cluster.nodes": 12,
                   "cluster.nics_per_node": 4, "strategy.tp": 2, "strategy.pp": 4, "strategy.dp": 12,
                   "training.sequence_length": 2048, "training.micro_batch_size": 4,
                   "training.global_batch_size": 1536},
        "rows": rows("hardware_tflops", (117,)),
    },
    {
        "name": "Llama 3, H200, torch.compile, full recomputation",
        "source": "KempnerInstitute/KempnerForge, benchmarks/mfu_scaling, 2026-04-05",
        "common": {**FSDP, "cluster.hardware": "h200-sxm", "cluster.gpus_per_node": 4, "cluster.nics_per_node": 4,
                   "training.sequence_length": 4096, "training.recompute": "full", "training.elementwise": "fused",
                   "training.overlap_tensor": "none"},
        "rows": rows("model nodes tp dp micro_batch_size global_batch_size tokens",
                     ("llama-3-8b", 1, 1, 1, 2, 8, 10471), ("llama-3-8b", 1, 1, 4, 4, 32, 38983 / 4),
                     ("llama-3-8b", 1, 4, 1, 4, 8, 25135 / 4), ("llama-3-8b", 2, 4, 2, 4, 16, 44299 / 8),
                     ("llama-3-8b", 8, 4, 8, 4, 64, 155917 / 32), ("llama-3-70b", 8, 4, 8, 2, 64, 17657 / 32)),
    },
]
