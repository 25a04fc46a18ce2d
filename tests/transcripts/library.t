The library.

  $ llmsweep models | sed -n '1p;/llama-3.1-70b/p;/mixtral-8x7b/p'
  model                             parameters            active dtype     weights GB  layers  hidden
  llama-3.1-70b                    70553706496       69503041536 bf16          141.11      80    8192
  mixtral-8x7b                     46702792704       12748857344 bf16           93.41      32    4096
  $ llmsweep models llama-3.1-70b | head -4
  llama-3.1-70b
    parameters                         70553706496
    active parameters                  69503041536
    weights                            141.11 GB
  $ llmsweep models llama-3.1-70
  no model llama-3.1-70 (did you mean llama-3.1-70b?)
  [2]
  $ llmsweep models meta-llama/Llama-3.1-70B-Instruct | head -1
  llama-3.1-70b
  $ llmsweep hardware 'NVIDIA H100' | head -1
  h100-sxm
  $ llmsweep hardware | sed -n '1,2p;/h100-sxm/p'
                     memory   memory     bf16      fp8    nvfp4 GPUs per     GPU link     NIC link
  hardware               GB     TB/s  TFLOP/s  TFLOP/s  TFLOP/s     node         GB/s         GB/s
  h100-sxm             84.9     3.35    989.5   1979.0        -        8          450         50.0
  $ llmsweep hardware h100-sxm | head -3
  h100-sxm
    name                               h100-sxm
    memory                             79.11 GiB
  $ llmsweep hardware a b
  llmsweep hardware: give one name, or none for the whole list
  Usage: llmsweep hardware [NAME]
  [2]

Every model and every kind of hardware of the library loads.

  $ llmsweep models >/dev/null && llmsweep hardware >/dev/null

A Hugging Face config.json is a model as it stands; a file of our own may start from one of the library.

  $ mkdir checkpoint
  $ cat >checkpoint/config.json <<END
  > {
  >   "architectures": ["LlamaForCausalLM"],
  >   "model_type": "llama",
  >   "hidden_size": 4096, "intermediate_size": 14336, "num_attention_heads": 32, "num_hidden_layers": 32,
  >   "num_key_value_heads": 8, "vocab_size": 128256, "torch_dtype": "bfloat16",
  >   "rope_scaling": {"factor": 8.0, "rope_type": "llama3"}
  > }
  > END
  $ llmsweep models checkpoint | head -2
  checkpoint
    parameters                         8030261248
  $ echo '{base: llama-3.1-8b, num_hidden_layers: 16}' >half.yaml
  $ llmsweep models half.yaml | head -2
  half
    parameters                         4540469248

Faults in them have their place.

  $ sed -i 's/"hidden_size": 4096/"hidden_sise": 4096/; s/"bfloat16"/"int3"/' checkpoint/config.json
  $ llmsweep models checkpoint
  checkpoint/config.json:4:3: hidden_sise: unknown key of a llama configuration (did you mean hidden_size?)
  checkpoint/config.json:5:66: torch_dtype: `int3` is not modelled; what is: float32, bfloat16, float16, null
  [2]
  $ echo '{base: llama-3.1-8b, num_attention_heads: 7, vocab: 3}' >odd.yaml
  $ llmsweep models odd.yaml
  odd.yaml:1:46: vocab: unknown key
  [2]
  $ echo '{base: llama-3.1-8b, num_key_value_heads: 7}' >odd.yaml
  $ llmsweep models odd.yaml
  odd.yaml:1:43: num_key_value_heads: 7 does not divide 32 attention heads
  [2]
  $ echo '{model_type: mamba, hidden_size: 64}' >odd.yaml
  $ llmsweep models odd.yaml
  odd.yaml:1:14: model_type: mamba is not known; write one of llama, mistral, mixtral, qwen2, qwen3, qwen3_moe, qwen3_next, qwen3_5_moe, qwen3_5_moe_text, gemma2, gpt2, gpt_oss, deepseek_v3, glm4_moe, llama4, llama4_text, mpt, bloom
  [2]
  $ echo '{base: odd.yaml}' >odd.yaml
  $ llmsweep models odd.yaml
  odd.yaml:1:8: base: files that name each other as base, 8 deep; break the circle
  [2]
