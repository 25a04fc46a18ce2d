"""No key of a study's `engine` and `workload` is refused: `keys.py LLMSWEEP ROOT`.

Every key that docs/reference.md lists there is given each of its values (of a number, a few), alone and as an axis, where it
means something. Each cell must be simulated, or be infeasible for a reason that lies in the hardware.
"""

import csv
import io
import re
import subprocess
import sys
import tempfile
from pathlib import Path

STUDY = """
model: llama-3.1-8b
cluster: {hardware: h100-sxm, nodes: 2}
strategy: {tp: 2}
workload:
  max_requests: 6
  duration_s: 5
  profiles:
    - name: p
      arrivals: {rate: 4}
      prompt_tokens: {dist: constant, value: 300}
      output_tokens: {dist: constant, value: 4}
"""
PROFILE = "workload.profiles.p"
RECORDED = ["workload.profiles=[]", "workload.duration_s=null", "workload.max_requests=null",
            "workload.trace={file: recorded.csv, arrivals: {process: poisson, rate: 5}}"]
POOLS = ["engine.disaggregation={prefill: {replicas: 1}, decode: {replicas: 1}}"]
# What a distribution is, for each of its numbers, and values of these; of size k, or of k's logarithm m.
DISTS = {"value": "dist: constant, value: {k}", "low": "dist: uniform, low: {k}, high: {k}9", "high": "dist: uniform, low: {k}, high: {k}9",
         "mean": "dist: exponential, mean: {k}", "std": "dist: normal, mean: {k}, std: {k}", "cv": "dist: gamma, mean: {k}, cv: 0.5",
         "mu": "dist: lognormal, mu: {m}, sigma: 0.4", "sigma": "dist: lognormal, mu: {m}, sigma: 0.4",
         "shape": "dist: weibull, shape: 1.2, scale: {k}", "scale": "dist: weibull, shape: 1.2, scale: {k}",
         "dist": None, "column": None, "file": "dist: empirical, file: seen.csv, column: x{m}"}
DIST_VALUES = {"value": ["{k}", "{k}1"], "low": ["{k}", "{k}1"], "high": ["{k}5", "{k}9"], "mean": ["{k}", "{k}1"], "std": ["{k}", "{k}1"],
               "cv": ["0.3", "2"], "mu": ["{m}", "{m}.1"], "sigma": ["0.3", "0.5"], "shape": ["1.1", "2"], "scale": ["{k}", "{k}1"],
               "file": ["seen.csv"]}
SIZES = {"_tokens": {"k": "50", "m": "4"}, "acceptance": {"k": "0.5", "m": "-1"}}

# What else must be said for a key to mean something, by its beginning; the longest one counts.
AROUND = {
    "engine.disaggregation": POOLS,
    "engine.speculative": ["engine.speculative={method: ngram, acceptance: 0.6}"],
    "engine.swap": ["engine.preemption=swap"],
    "engine.redundant_experts": ["model=mixtral-8x7b", "strategy.tp=4"],
    "engine.expert_imbalance": ["model=mixtral-8x7b", "strategy.tp=4"],
    "engine.max_num_batched_tokens": ["slo.tpot_s=0.1"],
    "workload.trace": RECORDED,
    "workload.trace.file": [*RECORDED, "workload.trace.arrivals.process=null", "workload.trace.arrivals.rate=null"],
    "workload.trace.arrivals.cv": [*RECORDED, "workload.trace.arrivals.process=gamma"],
    "workload.trace.arrivals.concurrency": [*RECORDED, "workload.trace.arrivals.process=closed"],
    "workload.trace.arrivals.requests": [*RECORDED, "workload.trace.arrivals={process: closed, concurrency: 2}"],
    f"{PROFILE}.arrivals.cv": [f"{PROFILE}.arrivals.process=gamma"],
    f"{PROFILE}.arrivals.concurrency": [f"{PROFILE}.arrivals.process=closed"],
    f"{PROFILE}.arrivals.requests": [f"{PROFILE}.arrivals={{process: closed, concurrency: 2}}"],
    f"{PROFILE}.shared_prefix": [f"{PROFILE}.shared_prefix.tokens=64"],
}
# Numbers, and choices that need a company of their own.
VALUES = {
    "engine.gpu_memory_utilization": [0.8, 0.95], "engine.block_size": [16, 32], "engine.max_model_len": [310, 4096],
    "engine.max_num_seqs": [2, 64], "engine.max_num_batched_tokens": [2048, "auto", "auto_slo"],
    "engine.long_prefill_token_threshold": [64, 512], "engine.redundant_experts": [0, 4],
    "engine.expert_imbalance.column": None, "engine.expert_imbalance.file": None, "engine.speculative.method": ["ngram", "mtp"],
    "engine.cuda_graph_max_tokens": [0, 256], "engine.memory_overhead": ["1 GiB", "2 GiB"],
    "workload.duration_s": [1, 3], "workload.warmup_s": [0, 0.5], "workload.max_requests": [2, 5],
    "workload.trace.file": ["recorded.csv", "azure_2023_conv.csv"], "workload.trace.format": None,
    "workload.trace.characters_per_token": [3, 4.5], "workload.trace.max_requests": [2, 3], "workload.trace.window_s": [1, 2],
    f"{PROFILE}.name": None,
    f"{PROFILE}.shared_prefix.tokens": [32, 100], f"{PROFILE}.sessions.continue": [0.2, 0.6],
}
for owner in (f"{PROFILE}.arrivals", "workload.trace.arrivals"):
    VALUES |= {f"{owner}.process": ["poisson", "constant", "mmpp", "diurnal"], f"{owner}.rate": [2, 5], f"{owner}.cv": [0.5, 2],
               f"{owner}.concurrency": [1, 3], f"{owner}.requests": [3, 5], f"{owner}.period_s": [10, 60]}
for bad in ("engine.disaggregation.prefill.ep", "engine.disaggregation.prefill.expert_tp"):
    VALUES[bad] = [1]


def listed(reference):
    """Keys below engine and workload, with what the reference says of their values."""
    section = ""
    for line in reference.splitlines():
        if line.startswith("### "):
            section = line[4:].replace("<name>", "p")
        match = re.match(r"\| `(\w+)` \| (.*?) \| ", line)
        if match and re.match(r"(engine|workload)(\.|$)", section) and ".of." not in section:
            yield f"{section}.{match[1]}", match[2]


def size_of(key):
    """Of what a distribution draws; null where the key is no number of one."""
    section, name = key.rsplit(".", 1)
    return next((size for end, size in SIZES.items() if name in DISTS and section.endswith(end)), None)


def values_of(key, kind):
    """Null where the key is no number and no choice of a cell's own."""
    name = key.rsplit(".", 1)[1]
    if size := size_of(key):
        return [value.format(**size) for value in DIST_VALUES.get(name, [])]
    if key in VALUES:
        return VALUES[key]
    if kind.startswith("`"):
        return [word for word in re.findall(r"`([^`]+)`", kind) if word != "null"]
    if kind.startswith(("seconds", "a time")):
        return ["1 ms", "2 ms"] if kind.startswith("a time") else [0.001, 0.002]
    if kind.startswith("bytes"):
        return ["1 GiB", "2 GiB"]
    if kind.startswith("a bandwidth"):
        return ["100 Gb/s", "400 Gb/s"]
    low = re.match(r"(?:whole )?number (\S+) …", kind)
    return [max(1, float(low[1])), 2] if low and float(low[1]) >= 1 else [1] if "…" in kind else [1, 2]


def around(key):
    """Settings besides, those that say what a distribution is last."""
    section, name = key.rsplit(".", 1)
    begin = max((start for start in AROUND if key.startswith(start)), key=len, default=None)
    settings = list(AROUND.get(begin, []))
    if size := size_of(key):
        settings.append(f"{section}={{{DISTS[name].format(**size)}}}")
    return settings


def faults(llmsweep, folder):
    def run(*command):
        return subprocess.run([llmsweep, *command], capture_output=True, text=True, cwd=folder)

    for key, kind in listed((Path(sys.argv[2]) / "docs/reference.md").read_text()):
        values = values_of(key, kind)
        if not values:
            continue
        values = [int(value) if isinstance(value, float) and value == int(value) else value for value in values]
        settings = [f"--set={setting}" for setting in around(key)]
        for value in values:
            done = run("simulate", "study.yaml", *settings, f"--set={key}={value}")
            if done.returncode and "infeasible" not in done.stderr:
                yield f"{key}={value}: {done.stderr.strip()}"
        axis = f"--set=sweep.axes={{it: {{key: {key}, values: [{', '.join(map(str, values))}]}}}}"
        done = run("run", "study.yaml", *settings, axis, "--overwrite", "--quiet", "-o", "a.h5")
        if done.returncode:
            yield f"{key} as an axis: {done.stderr.strip()}"
            continue
        rows = list(csv.DictReader(io.StringIO(run("export", "a.h5", "--csv", "-").stdout)))
        reasons = {row["reason"] for row in rows if row["status"] != "done"}
        if len(rows) != len(values) or reasons - {"dtype", "batch"}:
            yield f"{key} as an axis: {len(rows)} cells, not done for {reasons}"


def main():
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "study.yaml").write_text(STUDY)
        (Path(folder) / "recorded.csv").write_text("arrival_s,prompt_tokens,output_tokens\n" + "".join(f"{i},300,4\n" for i in range(5)))
        (Path(folder) / "seen.csv").write_text("x4,x-1\n50,0.5\n70,0.7\n")
        found = list(faults(sys.argv[1], folder))
    print("\n".join(found))
    sys.exit(bool(found))


main()
