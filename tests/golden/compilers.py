"""Two builds give the same metrics to 1e-9: `compilers.py LLMSWEEP OTHER STUDY.yaml [OPTION of run]...`.

What differs between them is the order in which a compiler adds and multiplies, and its mathematical library.
"""

import csv
import math
import subprocess
import sys
import tempfile
from pathlib import Path

TOLERANCE = 1e-9


def cells(program, folder, study):
    """Rows of the sweep's export, the cells in order."""
    cube, table = folder / "cube.h5", folder / "cube.csv"
    subprocess.run([program, "run", *study, "-o", cube, "--overwrite", "--quiet"], check=True)
    subprocess.run([program, "export", cube, "--csv", table], check=True)
    with open(table, newline="") as file:
        return list(csv.DictReader(file))


def number(text):
    try:
        return float(text)
    except ValueError:
        return None


def is_same(one, other):
    a, b = number(one), number(other)
    if a is None or b is None:
        return one == other
    return math.isclose(a, b, rel_tol=TOLERANCE, abs_tol=0) or (math.isnan(a) and math.isnan(b))


def main():
    programs, study = sys.argv[1:3], sys.argv[3:]
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs = (cells(program, Path(folder), study) for program in programs)
    n_wrong = sum(map(len, ours)) - sum(map(len, theirs))
    for row, (one, other) in enumerate(zip(ours, theirs)):
        for name in one:
            if not is_same(one[name], other[name]):
                n_wrong += 1
                print(f"cell {row}: {name}: {one[name]} and {other[name]}")
    print(f"{study[0]}: {len(ours)} cells, {len(ours[0])} columns, {abs(n_wrong)} differences")
    return 1 if n_wrong else 0


sys.exit(main())
