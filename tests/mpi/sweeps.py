"""Whole sweeps under mpirun: `sweeps.py PROGRAM CASE [ARGUMENT]...`, a case being one of the functions below. With
`--details` in front of the case its runs leave rows of requests and timelines in their cubes, too.

Runs in a folder of its own that goes at the end. Exits 1 with what went wrong.
"""

import csv
import os
import pty
import random
import re
import resource
import signal
import subprocess
import sys
import tempfile
import termios
import time
from pathlib import Path

STUDY = Path(__file__).parent / "study.yaml"
LONGER = ("--set", "workload.max_requests=120")  # a second or so
PROGRAM = None
DETAILS = ("--set", "output.requests=true", "--set", "output.timeline=true")
always = ()  # what every run and merge is told besides
MPIRUN = os.environ.get("LS_MPIRUN", "mpirun")


def require(promise, *what):
    if not promise:
        sys.exit("broken: " + "\n".join(str(w) for w in what))


def command(ranks, *arguments):
    mpirun = [MPIRUN, "-n", str(ranks)] if ranks else []
    besides = always if arguments[0] in ("run", "merge") else ()
    return [*mpirun, PROGRAM, *map(str, arguments), *besides]


def call(ranks, *arguments, status=0, **options):
    """Run to the end; the result's stderr is text."""
    done = subprocess.run(command(ranks, *arguments), capture_output=True, text=True, timeout=240, **options)
    require(done.returncode == status, f"exit status {done.returncode}, not {status}", done.args, done.stderr)
    return done


def digest(cube):
    return call(0, "show", cube, "--digest").stdout.split()[0]


def cells(cube):
    """What `status` says: how many cells are finished, and of how many."""
    match = re.search(r"(\d+) of (\d+) cells", call(0, "status", cube).stdout)
    require(match, "status does not count cells")
    return int(match[1]), int(match[2])


def summary(stderr):
    """How many cells a run simulated and took over."""
    match = re.search(r"llmsweep: (\d+) cells in .*", stderr)
    require(match, "no summary", stderr)
    over = re.search(r"(\d+) taken over", match[0])
    return int(match[1]), int(over[1]) if over else 0


def same_cube(ranks):
    """The cube does not depend on the number of ranks."""
    call(0, "run", STUDY, "-o", "alone.h5", "--quiet")
    call(int(ranks), "run", STUDY, "-o", "spread.h5", "--quiet")
    require(digest("alone.h5") == digest("spread.h5"), "the digests differ")
    require(not list(Path().glob("spread.h5.*")), "something of a finished run is left behind")


def ranks_of(launcher):
    """Process ids of the ranks that a launcher started."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(fields[1]) == launcher:
            found.append(int(stat.parent.name))
    return sorted(found)


def kill_all(processes):
    for process in processes:
        try:
            os.kill(process, signal.SIGKILL)
        except ProcessLookupError:
            pass


def kill(seed, times=1):
    """After kill -9 of a rank, of mpirun or of the whole job at any moment, every acknowledged cell survives, and only the others run again."""
    draw = random.Random(int(seed))
    began = time.monotonic()
    call(2, "run", STUDY, *LONGER, "-o", "whole.h5", "--quiet")
    took_s = time.monotonic() - began
    for i in range(int(times)):
        ranks = draw.choice([2, 3])
        cube = f"killed-{i}.h5"
        process = subprocess.Popen(command(ranks, "run", STUDY, *LONGER, "-o", cube, "--quiet"), stderr=subprocess.DEVNULL)
        time.sleep(draw.uniform(0.3, 1) * took_s)
        acknowledged = cells(cube)[0] if Path(cube + ".journal").exists() else 0
        victims = [process.pid, *ranks_of(process.pid)]
        what = draw.choice(["mpirun", "the job", *range(ranks)])
        kill_all(victims if what == "the job" else victims[:1] if what == "mpirun" else victims[1 + what : 2 + what])
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:  # now and then Open MPI 4.1's mpirun hangs after the death of a rank
            process.kill()
            process.wait()
        kill_all(victims[1:])  # orphans of a killed mpirun end by themselves, but a resume must not wait for that
        complete = Path(cube).exists() and not Path(cube + ".journal").exists()
        survived = cells(cube)[0] if Path(cube + ".journal").exists() else 0
        require(complete or survived >= acknowledged, f"{acknowledged} cells acknowledged, {survived} survived")
        after = call(ranks, "run", STUDY, *LONGER, "-o", cube, "--resume", "--progress", "none")
        if not complete:
            simulated, taken_over = summary(after.stderr)
            total = cells(cube)[1]
            require(taken_over == survived and simulated == total - survived, f"{survived} survived", after.stderr)
        require(digest(cube) == digest("whole.h5"), "the digests differ")
        print(f"{ranks} ranks, killed {what if isinstance(what, str) else f'rank {what}'}: {survived} cells survived")


def stop(signal_name, ranks):
    """A signal stops a sweep with status 3 and everything finished kept; --resume goes on."""
    number = getattr(signal, signal_name)
    told_mpirun_to_end = ranks != "0" and number == signal.SIGTERM  # it takes its time, and has a status of its own
    longer = ("--set", "workload.max_requests=500") if told_mpirun_to_end else LONGER
    call(0, "run", STUDY, *longer, "-o", "whole.h5", "--quiet")
    process = subprocess.Popen(
        command(int(ranks), "run", STUDY, *longer, "-o", "stopped.h5", "--progress", "none"), stderr=subprocess.PIPE, text=True
    )
    while not Path("stopped.h5.journal").exists() or cells("stopped.h5")[0] < 5:
        require(process.poll() is None, "ended by itself", process.stderr)
        time.sleep(0.02)
    began = time.monotonic()
    os.kill(process.pid, number)
    stderr = process.communicate(timeout=60)[1]
    require(time.monotonic() - began < 10, "took too long to stop")
    require(process.returncode == 3 or told_mpirun_to_end, process.returncode, stderr)
    require("stopped by SIG" in stderr or told_mpirun_to_end, stderr)
    done, total = cells("stopped.h5")
    require(0 < done < total, f"{done} of {total} cells when it stopped")
    after = call(int(ranks), "run", STUDY, *longer, "-o", "stopped.h5", "--resume", "--progress", "none")
    require(summary(after.stderr) == (total - done, done), f"{done} of {total} were done", after.stderr)
    require(digest("stopped.h5") == digest("whole.h5"), "the digests differ")


def max_seconds():
    """--max-seconds is such a signal."""
    stopped = call(2, "run", STUDY, "-o", "a.h5", "--max-seconds", "0", status=3)
    require("stopped after 0 s" in stopped.stderr, stopped.stderr)
    call(2, "run", STUDY, "-o", "a.h5", "--resume", "--quiet")


def errors_once():
    """What is wrong is said once, whatever the number of ranks, and none of them hangs."""
    Path("bad.yaml").write_text(STUDY.read_text().replace("seed: 7", "seeed: 7"))
    Path("there.h5").touch()
    for arguments, status, words in (
        (["bad.yaml"], 2, "seeed"),
        (["missing.yaml"], 2, "missing.yaml"),
        ([STUDY, "--colour"], 2, "--colour"),
        ([STUDY, "-o", "there.h5"], 2, "there.h5 exists already"),
        ([STUDY, "-o", "no/folder.h5"], 2, "no such folder"),
        ([STUDY, "-o", "."], 2, "is a folder"),
        ([STUDY, "--progress", "loud"], 2, "--progress is auto, bar, log or none"),
    ):
        said = call(3, "run", *arguments, status=status).stderr
        lines = [line for line in said.splitlines() if words in line]
        require(sum(not line.startswith("Usage") for line in lines) == 1, f"{words!r} is not said once", said)


def reuse():
    """A grid that grows takes over what an older cube holds, and is the same cube as if it had run whole."""
    call(0, "run", STUDY, "--set", "sweep.axes.tp=[1, 2]", "-o", "grid.h5", "--quiet")
    grown = call(2, "run", STUDY, "-o", "grid.h5", "--reuse", "grid.h5", "--progress", "none")
    require(summary(grown.stderr)[1] >= 60, "nothing was taken over", grown.stderr)
    call(0, "run", STUDY, "-o", "whole.h5", "--quiet")
    require(digest("grid.h5") == digest("whole.h5"), "the digests differ")
    call(0, "run", STUDY, "-o", "other.h5", "--reuse", "missing.h5", status=2)
    require(not Path("other.h5.journal").exists(), "a journal of nothing is left")


def merge():
    """Shards are parts of the one cube: merged, they are it; with one missing, a resumed run adds its cells."""
    call(0, "run", STUDY, "-o", "whole.h5", "--quiet")
    shards = [f"part.{i}.h5" for i in (1, 2, 3)]
    for i, shard in enumerate(shards, 1):
        call(i - 1, "run", STUDY, "-o", shard, "--shard", f"{i}/3", "--quiet")
    call(0, "merge", STUDY, "-o", "merged.h5", *shards)
    call(0, "merge", STUDY, "-o", "gap.h5", *shards[:2], status=3)
    call(2, "run", STUDY, "-o", "gap.h5", "--resume", "--quiet")
    digests = {digest(c) for c in ("whole.h5", "merged.h5", "gap.h5")}
    require(len(digests) == 1, "the digests differ")
    call(0, "merge", STUDY, "-o", "merged.h5", *shards, status=2)
    call(0, "merge", STUDY, "--set", "seed=8", "-o", "another.h5", *shards, status=2)


def details_later():
    """Details that are asked for later are there: of cells that ran without them nothing is taken over."""
    call(2, "run", STUDY, *DETAILS, "-o", "whole.h5", "--quiet")
    call(2, "run", STUDY, "-o", "plain.h5", "--quiet")
    require(digest("plain.h5") != digest("whole.h5"), "details are not in the digest")
    anew = call(2, "run", STUDY, *DETAILS, "-o", "anew.h5", "--reuse", "plain.h5", "--progress", "none")
    require(summary(anew.stderr)[1] == 0 and digest("anew.h5") == digest("whole.h5"), "not the same cube", anew.stderr)
    less = call(2, "run", STUDY, "-o", "less.h5", "--reuse", "whole.h5", "--progress", "none")
    require(summary(less.stderr)[0] < 100 and digest("less.h5") == digest("plain.h5"), "not the same cube", less.stderr)
    start(2, "a.h5").communicate(timeout=60)
    on = call(2, "run", STUDY, *LONGER, *DETAILS, "-o", "a.h5", "--resume", "--progress", "none")
    require(summary(on.stderr)[1] == 0, "something was taken over", on.stderr)
    call(2, "merge", STUDY, *DETAILS, "-o", "merged.h5", "plain.h5", "plain.h5", status=2)


def damaged_details():
    """Details that the disk lost cost their cells alone, which run again."""
    process = start(2, "a.h5")
    os.kill(process.pid, signal.SIGUSR1)
    process.communicate(timeout=60)
    done, _ = cells("a.h5")
    with open("a.h5.details", "r+b") as file:
        file.seek(200)
        file.write(b"?")
    after = call(2, "run", STUDY, *LONGER, "-o", "a.h5", "--resume", "--progress", "none")
    require(done - 40 < summary(after.stderr)[1] < done, f"{done} were done", after.stderr)
    call(0, "run", STUDY, *LONGER, "-o", "whole.h5", "--quiet")
    require(digest("a.h5") == digest("whole.h5"), "the digests differ")


def high_cells(cube):
    """Cells at high that are done and keep up with their load, by their place, and the events of all that are done."""
    call(0, "export", cube, "--csv", "cells.csv")
    with open("cells.csv", newline="") as file:
        done = [row for row in csv.DictReader(file) if row["lod"] == "high" and row["status"] == "done"]
    axes = list(done[0])[: list(done[0]).index("status")]
    steady = {tuple(row[axis] for axis in axes): row for row in done if float(row["saturated"]) == 0}
    return steady, sum(float(row["n_events"]) for row in done)


def front(cells, high, low):
    """Places of the cells that no other beats in both columns."""
    points = {place: (-float(row[high]), float(row[low])) for place, row in cells.items()}
    return {p for p, (a, b) in points.items() if not any(x <= a and y <= b and (x, y) != (a, b) for x, y in points.values())}


def screen():
    """A screen finds the very front that running every cell finds, at less than a tenth of what that costs at high."""
    study = (Path(__file__).parents[2] / "configs/studies/first.yaml", "--set", "sweep.axes.lod=[low, medium, high]")
    call(2, "run", *study, "-o", "whole.h5", "--quiet")
    whole, whole_events = high_cells("whole.h5")
    for low in ("tpot_mean_s", "ttft_mean_s", "e2e_mean_s"):
        by = ("output_token_throughput_per_gpu", low)
        search = f"sweep.search={{method: screen, by: [{', '.join(by)}]}}"
        call(2, "run", *study, "--set", search, "-o", "part.h5", "--overwrite", "--quiet")
        part, events = high_cells("part.h5")
        print(f"{low}: {len(front(whole, *by))} points on the front, {events / whole_events:.3f} of the events at high")
        require(front(part, *by) == front(whole, *by), "not the same front", by)
        require(events < 0.1 * whole_events, f"{events / whole_events:.3f} of the events of all cells at high")


def death(seed):
    """Where MPI survives deaths (ULFM), so does the sweep: a worker's cells go to others, and no resume is needed."""
    draw = random.Random(int(seed))
    call(0, "run", STUDY, *LONGER, "-o", "whole.h5", "--quiet")
    surviving = [MPIRUN, "--with-ft", "ulfm", "-n", "3"]
    for i in range(3):
        cube = f"bereft-{i}.h5"
        arguments = ["run", str(STUDY), *LONGER, "-o", cube, "--progress", "none"]
        process = subprocess.Popen([*surviving, PROGRAM, *arguments], stderr=subprocess.PIPE, text=True)
        while not Path(cube + ".journal").exists() or cells(cube)[0] < 5:
            require(process.poll() is None, "ended by itself", process.stderr)
            time.sleep(0.02)
        victim = draw.choice([1, 2])
        os.kill(ranks_of(process.pid)[victim], signal.SIGKILL)
        stderr = process.communicate(timeout=60)[1]
        require("died; its cells" in stderr, "nobody noticed", stderr)
        require(summary(stderr)[1] == 0 and digest(cube) == digest("whole.h5"), "not the same cube", stderr)


def start(ranks, cube):
    """A run that has some cells acknowledged and takes a while longer."""
    process = subprocess.Popen(
        command(ranks, "run", STUDY, *LONGER, "-o", cube, "--progress", "none"), stderr=subprocess.PIPE, text=True
    )
    while not Path(cube + ".journal").exists() or cells(cube)[0] < 5:
        require(process.poll() is None, "ended by itself", process.stderr)
        time.sleep(0.02)
    return process


def require_resumable(cube):
    call(2, "run", STUDY, *LONGER, "-o", cube, "--resume", "--quiet")
    call(0, "run", STUDY, *LONGER, "-o", "whole.h5", "--quiet")
    require(digest(cube) == digest("whole.h5"), "the digests differ")


def operation():
    """Whoever watches sees how far a run is, how fast, how long it will take and the best so far; the end sums it up."""
    terminal, end = pty.openpty()
    termios.tcsetwinsize(end, (50, 300))
    run = [PROGRAM, "run", str(STUDY), "--set", "workload.max_requests=300", "-o", "a.h5"]
    process = subprocess.Popen(run, stderr=end)
    os.close(end)
    said = b""
    try:
        while piece := os.read(terminal, 4096):
            said += piece
    except OSError:  # how a terminal ends whose other side is closed
        pass
    require(process.wait() == 0, said)
    bar = r"\] +\d+ % \d+ of 192 cells, [\d.]+ cells/s, [^,]* left(, \d+ infeasible)?; best output_token_throughput_per_gpu"
    require(re.search(bar, said.decode()), "no such progress", said)
    end = r"192 cells in .* on 1 rank: .* cells/s, efficiency \d.*done .*infeasible .*tp_heads: .*slowest .* tp="
    require(re.search(end, said.decode(), re.DOTALL), "no such summary", said)
    said = call(2, "run", STUDY, "--set", "workload.duration_s=-1", "-o", "b.h5", "--progress", "log", status=2)
    require("workload.duration_s" in said.stderr, said.stderr)


def full_file():
    """Where no more can be written a sweep stops with the reason, and goes on from there once there is room."""

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (40000, resource.RLIM_INFINITY))

    # Alone, since mpirun would be under the limit, too.
    stopped = call(0, "run", STUDY, *LONGER, "-o", "a.h5", "--progress", "none", status=1, preexec_fn=limit)
    require("cannot write the journal a.h5.journal: File too large" in stopped.stderr, stopped.stderr)
    require(cells("a.h5")[0] > 0, "nothing survived")
    require_resumable("a.h5")


def on_disk(options, *script):
    """Run lines of a shell with a small file system of their own at ./disk, $1 being the program and $2 the study; what they
    printed. Takes a kernel that lets users mount in a namespace: skips the test where it does not."""
    Path("disk").mkdir(exist_ok=True)
    mount = ["unshare", "--map-root-user", "--mount", "sh", "-c"]
    if subprocess.run([*mount, f"mount -t tmpfs -o {options} tmpfs disk"], capture_output=True).returncode:
        sys.exit(77)
    lines = "; ".join([f"mount -t tmpfs -o {options} tmpfs disk", *script])
    done = subprocess.run([*mount, lines, "sh", PROGRAM, STUDY], capture_output=True, text=True, timeout=240)
    return done.stdout + done.stderr


def full_disk():
    """A full disk loses nothing that was finished: with more room, the run goes on."""
    said = on_disk(
        "size=40k",
        "$1 run $2 -o disk/a.h5 --progress none; echo status $?",
        "mount -o remount,size=100m disk",
        "$1 status disk/a.h5; $1 run $2 -o disk/a.h5 --resume --progress none; echo status $?",
        "$1 show disk/a.h5 --digest; $1 run $2 -o b.h5 --quiet",
    )
    require("No space left on device" in said and "status 1" in said, said)
    survived = int(re.search(r"(\d+) of 192 cells", said)[1])
    require(0 < survived < 192 and f"; {survived} taken over" in said and "status 0" in said, said)
    require(digest("b.h5") in said, "the digests differ", said)


def read_only():
    """A file system without permission to write is refused before a cell runs."""
    said = on_disk("size=1m,ro", "$1 run $2 -o disk/a.h5; echo status $?")
    require("cannot open the journal disk/a.h5.journal: Read-only file system" in said and "status 2" in said, said)


def journal_removed():
    """A sweep whose journal somebody removed stops, and leaves what it has in the cube, from where it can go on."""
    process = start(2, "a.h5")
    Path("a.h5.journal").unlink()
    stderr = process.communicate(timeout=60)[1]
    require(process.returncode == 1 and "somebody removed a.h5.journal" in stderr, process.returncode, stderr)
    done, total = cells("a.h5")
    require(5 <= done < total, f"{done} of {total} cells")
    require_resumable("a.h5")


def two_runs():
    """Two runs on one cube: the second is refused whatever it wants, the first does not notice."""
    first = start(2, "a.h5")
    for how in ("--resume", "--overwrite"):
        second = call(0, "run", STUDY, *LONGER, "-o", "a.h5", how, status=2)
        require("a.h5.journal is in use by another run" in second.stderr, second.stderr)
    second = call(0, "run", STUDY, *LONGER, "-o", "a.h5", status=2)
    require("a.h5.journal holds an unfinished run" in second.stderr, second.stderr)
    stderr = first.communicate(timeout=120)[1]
    require(first.returncode == 0, stderr)


def unwritable():
    """A folder that even root cannot write to is refused before a cell runs."""
    said = call(2, "run", STUDY, "-o", "/sys/kernel/a.h5", status=2).stderr
    require("cannot open the journal /sys/kernel/a.h5.journal" in said, said)


def preflight():
    """Tasks that MPI does not connect would each run the whole sweep: refused."""
    said = call(0, "run", STUDY, "-o", "a.h5", status=2, env={**os.environ, "SLURM_STEP_NUM_TASKS": "4"}).stderr
    require("srun --mpi=pmix" in said, said)


def main():
    global PROGRAM, always
    PROGRAM = sys.argv[1]
    if sys.argv[2] == "--details":
        always = DETAILS
        del sys.argv[2]
    case = globals()[sys.argv[2]]
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        case(*sys.argv[3:])
        os.chdir("/")


main()
