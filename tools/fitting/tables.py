"""Reading the measured tables: one dictionary of arrays for each, seconds in `t`, `held` marks rows left out of fits."""
import csv
import gzip
from pathlib import Path

import numpy as np


def read_csv(path):
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", newline="") as file:
        rows = csv.reader(file)
        header = next(rows)
        columns = list(zip(*rows))
    table = {}
    for name, values in zip(header, columns):
        try:
            table[name] = np.array(values, float)
        except ValueError:
            table[name] = np.array(values)
    return table


class Tables:
    """The folder of tables; each is read once."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.cache = {}

    def path(self, gpu, operator, source):
        return self.folder / "kernels" / f"{gpu}.{operator}.{source}.csv.gz"

    def has(self, gpu, operator, source):
        return self.path(gpu, operator, source).exists()

    def get(self, gpu, operator, source):
        path = self.path(gpu, operator, source)
        if path not in self.cache:
            self.cache[path] = read_csv(path)
        return self.cache[path]

    def csv(self, name):
        """A table of the subset in measured/."""
        return read_csv(self.folder / "measured" / f"{name}.csv")


def select(table, mask):
    return {name: values[mask] for name, values in table.items()}


def concatenate(tables):
    return {name: np.concatenate([table[name] for table in tables]) for name in tables[0]}


def hold_out(*keys):
    """One shape in five is left out of the fit, all its rows together: a fit is judged on shapes it has not seen."""
    shapes = np.stack(keys, 1)
    _, index = np.unique(shapes, axis=0, return_inverse=True)
    index = index.reshape(-1)
    order = np.random.default_rng(20240601).permutation(index.max() + 1)
    return order[index] % 5 == 0
