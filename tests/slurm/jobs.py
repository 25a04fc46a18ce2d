"""The batch scripts under a real Slurm: `slurm/cluster python3 jobs.py PROGRAM CASE`, a case being a function below.

Runs in a folder of its own that goes at the end. Exits 1 with what went wrong, the jobs' logs included.
"""

import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
STUDY = ROOT / "tests/mpi/study.yaml"
LONGER = ("--set", "workload.max_requests=300")  # some seconds


def require(promise, *what):
    if not promise:
        logs = [f"{log}:\n{log.read_text()}" for log in sorted(Path().glob("*.log"))]
        sys.exit("\n".join(["broken:", *map(str, what), *logs]))


def output(*command, status=0):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=120)
    require(done.returncode == status, done.args, done.stdout, done.stderr)
    return done.stdout


def submit(script, *arguments, options=()):
    return output("sbatch", "--parsable", *options, ROOT / "slurm" / script, *arguments).strip()


def state(job):
    """The state of a job, or of all tasks of an array: one word when they agree."""
    states = output("squeue", "--noheader", "--states=all", "--format=%T", "--jobs", job).split()
    return states[0] if len(set(states)) == 1 else " ".join(sorted(set(states)))


def wait(job, *wanted, seconds=120):
    end = time.monotonic() + seconds
    while (now := state(job)) not in wanted:
        require(time.monotonic() < end, f"job {job} is {now}, not {wanted}")
        require(now not in ("FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL"), f"job {job} is {now}")
        time.sleep(0.2)


def finished(cube):
    """Cells that `status` counts as finished, 0 while there is neither cube nor journal."""
    if not Path(cube).exists() and not Path(cube + ".journal").exists():
        return 0
    said = subprocess.run([os.environ["LLMSWEEP"], "status", cube], capture_output=True, text=True)
    match = re.search(r"(\d+) of \d+ cells", said.stdout)
    return int(match[1]) if match else 0


def wait_for_cells(cube, n):
    end = time.monotonic() + 60
    while finished(cube) < n:
        require(time.monotonic() < end, f"{cube} has no {n} cells after a minute")
        time.sleep(0.05)


def require_same(cube, *sets):
    """The cube is what a run without Slurm gives, and no journal is left."""
    program = os.environ["LLMSWEEP"]
    output(program, "run", STUDY, *sets, "-o", "alone.h5", "--quiet")
    digests = {output(program, "show", c, "--digest").split()[0] for c in ("alone.h5", cube)}
    require(len(digests) == 1, "the digests differ")
    require(not Path(cube + ".journal").exists(), "a journal is left")


def log_of(job):
    return Path(f"llmsweep-{job}.log").read_text()


def plain():
    """sweep.sbatch runs a sweep over its tasks."""
    job = submit("sweep.sbatch", STUDY, "cube.h5", "--progress", "none", options=["-n", "3"])
    wait(job, "COMPLETED")
    require("on 3 ranks" in log_of(job), "not on 3 ranks")
    require_same("cube.h5")


def requeue():
    """USR1, which Slurm sends before the time limit, stops the sweep; the job goes back into the queue and resumes."""
    job = submit("requeue.sbatch", STUDY, "cube.h5", *LONGER, "--progress", "none", options=["-n", "2"])
    wait_for_cells("cube.h5", 5)
    output("scancel", "--batch", "--signal=USR1", job)
    wait(job, "COMPLETED")
    log = log_of(job)
    require("stopped by SIGUSR1" in log and "back into the queue" in log, "not stopped and requeued")
    require("taken over" in log, "not resumed")
    require_same("cube.h5", *LONGER)


def preempt():
    """A more urgent job takes the node in mid-sweep; afterwards the sweep goes on where it was."""
    cpus = output("sinfo", "--noheader", "--format=%c").split()[0]
    job = submit("requeue.sbatch", STUDY, "cube.h5", *LONGER, "--progress", "none", options=["-n", cpus])
    wait_for_cells("cube.h5", 5)
    urgent = output("sbatch", "--parsable", "-n", cpus, "-p", "urgent", "-o", "/dev/null", "--wrap", "sleep 1").strip()
    wait(urgent, "COMPLETED")
    require(state(job) != "COMPLETED", "the sweep was done before it could be preempted")
    wait(job, "COMPLETED")
    require("taken over" in log_of(job), "not resumed")
    require_same("cube.h5", *LONGER)


def array():
    """Shards of an array know nothing of each other, and merge into the one cube."""
    shards = submit("array.sbatch", STUDY, "cube.h5", "--progress", "none", options=["--array=1-3", "-n", "1"])
    merge = submit("merge.sbatch", STUDY, "cube.h5", options=[f"--dependency=afterok:{shards}"])
    wait(merge, "COMPLETED")
    require(state(shards) == "COMPLETED", "a shard did not complete")
    require(len(list(Path().glob("cube.*-of-3.h5"))) == 3, "there are not three shards")
    require_same("cube.h5")


def unconnected():
    """Tasks that MPI does not connect are refused, each with what would be right."""
    srun = ["srun", "-n", "2", "--mpi=none", os.environ["LLMSWEEP"], "run", STUDY, "-o", "cube.h5"]
    done = subprocess.run(list(map(str, srun)), capture_output=True, text=True, timeout=60)
    require(done.returncode == 2 and "srun --mpi=pmix" in done.stderr, done.returncode, done.stderr)
    require(not Path("cube.h5").exists(), "a cube was written")


def time_limit():
    """The same as requeue by a real time limit of a minute."""
    sets = ("--set", "workload.max_requests=20000")
    options = ["-n", "1", "--time=1", "--signal=B:USR1@45"]
    job = submit("requeue.sbatch", STUDY, "cube.h5", *sets, "--progress", "none", options=options)
    end = time.monotonic() + 120
    while "back into the queue" not in (log_of(job) if Path(f"llmsweep-{job}.log").exists() else ""):
        require(time.monotonic() < end, "not requeued within two minutes")
        time.sleep(1)
    require("stopped by SIGUSR1" in log_of(job), "not stopped by the signal")
    output("scancel", job)


def main():
    os.environ["LLMSWEEP"] = sys.argv[1]
    case = globals()[sys.argv[2]]
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        case(*sys.argv[3:])
        os.chdir("/")


main()
