"""Cases through our program: one `llmsweep simulate` each, several at once."""

import concurrent.futures
import json
import os
import subprocess
import tempfile


def nest(settings):
    """Dotted keys as a study's mapping; the one profile is called p."""
    study = {"kind": "serving"}
    for key, value in settings.items():
        *path, last = key.replace("workload.profiles.p.", "workload.profiles.").split(".")
        node = study
        for part in path:
            node = node.setdefault(part, {})
        node[last] = value
    profile = study["workload"].get("profiles")
    if profile is None:
        return study
    for lengths in ("prompt_tokens", "output_tokens"):
        profile[lengths].setdefault("dist", "constant")
    study["workload"]["profiles"] = [dict(profile, name="p")]
    return study


def simulate(program, settings):
    """Status, reason and metrics of one case."""
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as study:
        json.dump(nest(settings), study)  # JSON is YAML
        study.flush()
        run = subprocess.run([program, "simulate", study.name, "--json"], capture_output=True, text=True, check=False)
    if not run.stdout:
        lines = run.stderr.strip().splitlines() or [f"exit status {run.returncode}"]
        return {"status": "refused", "reason": lines[-1].split(": ", 1)[-1], "metrics": {}}
    result = json.loads(run.stdout)
    return {key: result[key] for key in ("status", "reason", "metrics")}


def with_table(settings, folder):
    """Settings that look kernels up in the table of their GPU and library; none where there is no such file."""
    hardware = settings["cluster.hardware"]
    hardware = {"base": hardware} if isinstance(hardware, str) else dict(hardware)
    library = hardware.get("kernel_library") or ("trtllm" if settings["engine.preset"].startswith("trtllm") else "vllm")
    path = folder.resolve() / f"{hardware['base']}.{library}.csv"
    return dict(settings, **{"cluster.hardware": dict(hardware, kernel_table=str(path))}) if path.exists() else None


def run(program, cases):
    """Results in the order of the cases."""
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(lambda case: simulate(program, case), cases))
