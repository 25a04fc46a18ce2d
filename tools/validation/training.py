"""Published training runs beside ours."""

import concurrent.futures
import json
import os
import subprocess
import tempfile

from validation.training_runs import TABLES

KEYS = {"nodes": "cluster.nodes", "model": "model", "layers": "model.num_hidden_layers"}
KEYS.update({degree: f"strategy.{degree}" for degree in ("tp", "pp", "dp", "ep", "expert_tp")})
MEASURED = ("step_s", "tokens", "mfu", "hardware_tflops", "model_tflops")
BEGIN = "<!-- below: written by tools/check_training --docs -->\n"
END = "<!-- above -->\n"


def study_of(common, row):
    """Nested settings of one run."""
    flat = {"kind": "training", "evaluate_oversized": True, "strategy.lod": "high", **common}
    flat.update({KEYS.get(key, f"training.{key}"): value for key, value in row.items() if key not in MEASURED})
    if flat.get("training.virtual_stages", 1) > 1:
        flat["training.schedule"] = "interleaved"
    if isinstance(flat["model"], str):
        flat["model"] = {"base": flat["model"]}
    flat["model"] = dict(flat["model"])
    study = {}
    for key, value in flat.items():
        *path, last = key.split(".")
        node = study
        for part in path:
            node = node.setdefault(part, {})
        node[last] = value
    return study


def simulate(program, study):
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        json.dump(study, file)  # JSON is YAML
        file.flush()
        run = subprocess.run([program, "simulate", file.name, "--json"], capture_output=True, text=True, check=False)
    metrics = json.loads(run.stdout)["metrics"] if run.stdout else {}
    if metrics.get("step_time_s") is None:
        raise RuntimeError(f"{study}: {run.stderr.strip() or run.stdout}")
    return metrics


def gpt_flop(study, factor, head):
    """Of a step: Narayanan et al. 2021, Equation 3, as Megatron-LM prints it."""
    model, training = study["model"], study["training"]
    layers, hidden = model["num_hidden_layers"], model["hidden_size"]
    length = training["sequence_length"]
    terms = 1 + length / (6 * hidden) + model["vocab_size"] / (head * layers * hidden)
    return factor * training["global_batch_size"] * length * layers * hidden**2 * terms


def measured_s(study, row, metrics):
    """Seconds of the published step."""
    strategy, training = study["strategy"], study["training"]
    gpus = 1
    for degree in ("tp", "pp", "dp", "ep"):
        gpus *= strategy.get(degree, 1)
    if "step_s" in row:
        return row["step_s"]
    if "tokens" in row:
        return training["global_batch_size"] * training["sequence_length"] / row["tokens"] / gpus
    if "mfu" in row:
        return metrics["step_time_s"] * metrics["mfu"] / row["mfu"]
    if "hardware_tflops" in row:
        return gpt_flop(study, 96, 16) / row["hardware_tflops"] / 1e12 / gpus
    return gpt_flop(study, 72, 12) / row["model_tflops"] / 1e12 / gpus


def compare(program):
    """For each table, its runs: row, measured and our seconds, and our error."""

    def one(job):
        table, row = job
        study = study_of(table["common"], row)
        metrics = simulate(program, study)
        seconds = measured_s(study, row, metrics)
        return {"row": row, "measured": seconds, "ours": metrics["step_time_s"],
                "error": metrics["step_time_s"] / seconds - 1}

    jobs = [(table, row) for table in TABLES for row in table["rows"]]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        results = iter(list(pool.map(one, jobs)))
    return [(table, [next(results) for _ in table["rows"]]) for table in TABLES]


def summary(runs):
    """Rows, mean of the signed error, of its size, and the largest."""
    errors = [100 * run["error"] for run in runs]
    sizes = [abs(error) for error in errors]
    return len(errors), sum(errors) / len(errors), sum(sizes) / len(sizes), max(sizes)


def text(compared, rows):
    for table, runs in compared:
        n, signed, mean, largest = summary(runs)
        yield f"{table['name']:50.50} {n:3d} rows   signed {signed:+6.1f} %   mean {mean:5.1f} %   largest {largest:5.1f} %"
        for run in runs if rows else ():
            settings = {key: value for key, value in run["row"].items() if key not in MEASURED and key != "model"}
            yield f"    {run['measured']:9.3f} s {run['ours']:9.3f} s {100 * run['error']:+7.1f} %   {settings}"
    every = [run for _, runs in compared for run in runs]
    n, signed, mean, largest = summary(every)
    yield f"{'all':50} {n:3d} rows   signed {signed:+6.1f} %   mean {mean:5.1f} %   largest {largest:5.1f} %"


def markdown(compared):
    lines = ["| runs | source | rows | signed | mean error | largest |", "|---|---|--:|--:|--:|--:|"]
    for table, runs in compared:
        n, signed, mean, largest = summary(runs)
        lines.append(f"| {table['name']} | {table['source']} | {n} | {signed:+.0f} % | {mean:.0f} % | {largest:.0f} % |")
    return "\n".join(lines) + "\n"


def with_table(page, compared):
    """The page with the table between its marks."""
    before, rest = page.split(BEGIN)
    _, after = rest.split(END)
    return before + BEGIN + markdown(compared) + END + after


def write_docs(path, compared):
    path.write_text(with_table(path.read_text(encoding="utf-8"), compared), encoding="utf-8")
