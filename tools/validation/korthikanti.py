"""The figures of Korthikanti et al. 2022 (arXiv 2205.05198), from a table with a row for each.

Its runs had no flash attention. Its memory is that of the layers alone, by formula, so ours is too: of a model with next
to no embedding.
"""
import csv
import json
import subprocess
import sys
import tempfile

MODELS = {"megatron-22B": "megatron-gpt-22b", "gpt3-175B": "megatron-gpt-175b", "turing-530B": "megatron-gpt-530b",
          "megatron-1T": "megatron-gpt-1t"}
GIB = 2.0**30
FORMS = {"none": ("none", "false"), "seq": ("none", "true"), "sel": ("selective", "false"),
         "seqsel": ("selective", "true"), "full": ("full", "false")}


def simulate(program, row, form, layers_alone=False):
    recompute, sequence = FORMS[form]
    virtual = int(row["vp"] or 1)
    tables = ", vocab_size: 8, max_position_embeddings: 1" if layers_alone else ""
    study = f"""
kind: training
model: {{base: {MODELS[row['model']]}{tables}}}
cluster: {{hardware: a100-80g-sxm, nodes: {max(1, int(row['n_gpus']) // 8)}}}
strategy: {{tp: {row['tp']}, pp: {row['pp']}, dp: {row['dp']}, lod: high}}
evaluate_oversized: true
training:
  sequence_length: {row['seq_len']}
  global_batch_size: {row['global_batch']}
  micro_batch_size: {row['micro_batch']}
  recompute: {recompute}
  sequence_parallel: {sequence}
  attention: unfused
  vocab_multiple: {1 if layers_alone else 128}
  schedule: {'interleaved' if virtual > 1 else '1f1b'}
  virtual_stages: {virtual}
"""
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(study)
        file.flush()
        run = subprocess.run([program, "simulate", file.name, "--json"], capture_output=True, text=True, check=False)
    if not run.stdout:
        sys.exit(run.stderr)
    return json.loads(run.stdout)["metrics"]


def ours(program, row, form):
    if row["metric"] == "iteration_time":
        return simulate(program, row, form)["step_time_s"]
    m = simulate(program, row, form, True)
    if row["metric"] == "memory_params_and_optimizer":
        return (m["mem_weights_bytes"] + m["mem_gradients_bytes"] + m["mem_optimizer_bytes"]) / GIB
    if row["metric"] == "memory_activations":
        return m["mem_activation_bytes"] / GIB
    whole = simulate(program, row, "none", True)
    return 100 * m["mem_activation_bytes"] / whole["mem_activation_bytes"]


def compare(program, table):
    deviations = {}
    with open(table, newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            form = row["notes"].split(";")[0].removeprefix("recompute=")
            value, mine = float(row["value"]), ours(program, row, form)
            deviation = 100 * (mine / value - 1)
            deviations.setdefault(row["metric"], []).append(deviation)
            print(f"{row['metric']:42} {row['model']:13} {form:7} {value:10.3f} {mine:10.3f} {deviation:+7.1f} %")
    for metric, all_of in deviations.items():
        size = [abs(d) for d in all_of]
        print(f"{metric:42} mean {sum(size) / len(size):.1f} %, largest {max(size):.1f} %, of {len(size)}")
