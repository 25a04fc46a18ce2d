"""What whole sweeps take: `sweeps.py PROGRAM CASE`, a case being one of the functions below. For a machine with two cores
that has nothing else to do: nightly. Exits 1 when a promise is broken.
"""

import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
MPIRUN = os.environ.get("LS_MPIRUN", "mpirun")
PROGRAM = None


def points(n):
    return ("--set", f"sweep.axes.engine.gpu_memory_utilization=[{', '.join(str(0.5 + 0.4 * i / n) for i in range(n))}]")


def sizes(n):
    return ("--set", f"sweep.axes.matmul.m={{range: [8, {8 * n}, 8]}}")


def core_s():
    """Seconds that cores spent for all children so far."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def run(ranks, study, *options):
    """Seconds of a sweep, those of its cores, and the peak memory of each rank in kB."""
    watch = 'read_peak() { while r=$(grep VmHWM /proc/$1/status 2>/dev/null); do peak=$r; sleep 0.05; done; }; '
    script = watch + '"$@" & read_peak $!; wait $!; s=$?; echo "$OMPI_COMM_WORLD_RANK ${peak//[^0-9]/}"; exit $s'
    command = [PROGRAM, "run", HERE / study, *options, "-o", "cube.h5", "--overwrite", "--quiet"]
    began, cores_began = time.monotonic(), core_s()
    done = subprocess.run(
        [MPIRUN, "-n", str(ranks), "bash", "-c", script, "bash", *map(str, command)], capture_output=True, text=True
    )
    if done.returncode:
        sys.exit(f"broken: {done.args}\n{done.stderr}")
    seconds = time.monotonic() - began
    return seconds, core_s() - cores_began, {int(rank): int(kb) for rank, kb in (line.split() for line in done.stdout.splitlines())}


def efficiency():
    """Two ranks are 0.95 · 2 times as fast as one on cells whose costs differ by a factor of 100,000."""
    for _ in range(3):  # whatever else the machine does costs the two differently
        one, two = run(1, "mixed.yaml")[0], run(2, "mixed.yaml")[0]
        print(f"1 rank {one:.1f} s, 2 ranks {two:.1f} s: efficiency {one / two / 2:.3f}")
        if one / two / 2 >= 0.95:
            return True
    return False


def overhead():
    """A cell takes at most 20 µs of a core besides its simulation, all in: to read, hand out, record, and write to the cube."""
    took = []
    for ranks in (1, 2):
        few, many = run(ranks, "products.yaml", *sizes(100))[1], run(ranks, "products.yaml", *sizes(50_000))[1]
        took.append((many - few) / (4 * 49_900))
        print(f"{ranks} ranks: {1e6 * took[-1]:.1f} µs a cell")
    return max(took) <= 20e-6


def plan():
    """What plan says a sweep will take is within 25 % of the seconds that its ranks' cores then spend on it."""
    said = subprocess.run([PROGRAM, "plan", HERE / "mixed.yaml"], capture_output=True, text=True, check=True).stdout
    planned = float(re.search(r"^time +about ([\d.]+) s on one core", said, re.MULTILINE)[1])
    kept = True
    for ranks in (1, 2):
        seconds, cores, _ = run(ranks, "mixed.yaml")
        print(f"{ranks} ranks: planned {planned / ranks:.1f} s, took {cores / ranks:.1f} s of each core, {seconds:.1f} s in all")
        kept = kept and abs(planned / cores - 1) < 0.25
    return kept


def million():
    """A million cells at low take less than a minute on two cores."""
    seconds = run(2, "low.yaml", *points(125))[0]
    print(f"a million cells in {seconds:.1f} s")
    return seconds < 60


def memory():
    """Twenty times the cells do not take more memory on any rank but 0."""
    few, many = run(3, "low.yaml", *points(1))[2], run(3, "low.yaml", *points(20))[2]
    print(f"kB with 8,000 cells {few}, with 160,000 {many}")
    return all(many[rank] < few[rank] + 1024 for rank in (1, 2)) and many[0] < few[0] + 64 * 1024


def main():
    global PROGRAM
    PROGRAM = sys.argv[1]
    case = globals()[sys.argv[2]]
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        kept = case()
        os.chdir("/")
    sys.exit(None if kept else "broken: " + case.__doc__)


main()
