"""Compare `llmsweep simulate --json` with metrics that are kept: `golden.py LLMSWEEP CASE.json...` or `--update`.

A case is a file
    {"study": "dense.yaml", "set": ["tp=4"], "why": "what it holds in place",
     "status": "done", "reason": null, "tolerance": {"default": 1e-9, "ttft_mean_s": 1e-6}, "metrics": {…}}
whose study lies beside it. Tolerances are relative; the default leaves room for another mathematical library, no more.
Every metric is compared; one that the case leaves out has to be null. `--update` writes what the program says now, for a person to read in
the difference before it is kept.
"""

import json
import subprocess
import sys
from pathlib import Path


def simulate(llmsweep, case, folder):
    command = [llmsweep, "simulate", str(folder / case["study"]), "--json"]
    for setting in case.get("set", []):
        command += ["--set", setting]
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode not in (0, 1) or not result.stdout:
        raise SystemExit(f"{' '.join(command)}: status {result.returncode}\n{result.stderr}")
    return json.loads(result.stdout)


def differences(case, found):
    for key in ("status", "reason"):
        if found[key] != case[key]:
            yield f"{key}: {found[key]}, not {case[key]}"
    tolerance = case["tolerance"]
    for name in sorted(case["metrics"].keys() | found["metrics"].keys()):
        expected, value = case["metrics"].get(name), found["metrics"].get(name)
        if expected is None or value is None:
            if expected is not value:
                yield f"{name}: {value}, not {expected}"
        elif abs(value - expected) > tolerance.get(name, tolerance["default"]) * abs(expected):
            yield f"{name}: {value!r}, not {expected!r} ({value / expected - 1 if expected else 1:+.2%})"


def update(path, case, found):
    case.update(status=found["status"], reason=found["reason"])
    case.setdefault("tolerance", {"default": 1e-9})
    case["metrics"] = {name: value for name, value in found["metrics"].items() if value is not None}
    path.write_text(json.dumps(case, indent=1) + "\n")


def main():
    updating = "--update" in sys.argv
    llmsweep, *cases = [argument for argument in sys.argv[1:] if argument != "--update"]
    n_wrong = 0
    for path in map(Path, cases):
        case = json.loads(path.read_text())
        found = simulate(llmsweep, case, path.parent)
        if updating:
            update(path, case, found)
            continue
        for difference in differences(case, found):
            print(f"{path.name}: {difference}")
            n_wrong += 1
    if n_wrong:
        print("if this was meant, run tools/golden and say why in the commit")
    return 1 if n_wrong else 0


if __name__ == "__main__":
    sys.exit(main())
