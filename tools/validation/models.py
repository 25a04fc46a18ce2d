"""What the harness needs to know of a model file: the few numbers that a benchmark's own tuning rule reads."""

import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
SHELVES = [ROOT / "configs" / "models", pathlib.Path(__file__).resolve().parent / "models"]


def path_of(name):
    """The file of a model, in the library or beside this script; None when there is none."""
    for shelf in SHELVES:
        path = shelf / f"{name}.yaml"
        if path.exists():
            return path
    return None


def read(name):
    """A model file is a flat list of `key: value`."""
    values = {}
    for line in path_of(name).read_text(encoding="utf-8").splitlines():
        key, _, text = line.partition(":")
        text = text.split("#")[0].strip()
        if not line.startswith("#") and text:
            values[key.strip()] = int(text) if text.lstrip("-").isdigit() else text
    return values


def is_moe(model):
    return "n_routed_experts" in model


def head_dim(model):
    return model.get("head_dim", model["hidden_size"] // model["num_attention_heads"])


def kv_heads(model):
    return model.get("num_key_value_heads", model["num_attention_heads"])


def kv_values_per_token(model, tp):
    """Values of one token's keys and values in all layers and ranks, heads replicated where tp exceeds them."""
    if "kv_lora_rank" in model:
        return model["num_hidden_layers"] * (model["kv_lora_rank"] + model["qk_rope_head_dim"])
    return 2 * model["num_hidden_layers"] * max(tp, kv_heads(model)) * head_dim(model)


def parameters(model):
    """To a per cent or so: projections, experts, embedding and head."""
    hidden, layers = model["hidden_size"], model["num_hidden_layers"]
    matrices = 2 if model.get("gated_mlp") == "false" else 3
    if "kv_lora_rank" in model:
        heads, rank, rope = model["num_attention_heads"], model["kv_lora_rank"], model["qk_rope_head_dim"]
        nope, value = model["qk_nope_head_dim"], model["v_head_dim"]
        q_rank = model["q_lora_rank"]
        attention = hidden * (q_rank + rank + rope) + q_rank * heads * (nope + rope)
        attention += rank * heads * (nope + value) + heads * value * hidden
    else:
        attention = 2 * hidden * head_dim(model) * (model["num_attention_heads"] + kv_heads(model))
    dense = matrices * hidden * model.get("intermediate_size", 4 * hidden)
    n_dense = layers
    experts = 0
    if is_moe(model):
        step = model.get("decoder_sparse_step", 1)
        n_dense = layers - layers // step + model.get("first_k_dense_replace", 0) // step
        width = model.get("moe_intermediate_size", model.get("intermediate_size"))
        each = model["n_routed_experts"] + model.get("n_shared_experts", 0)
        experts = (layers - n_dense) * each * matrices * hidden * width
    return layers * attention + n_dense * dense + experts + 2 * hidden * model["vocab_size"]
