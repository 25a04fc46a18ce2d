"""Rows of the end-to-end tables, as they are in the CSV files."""

import csv
import pathlib

TABLES = [
    "e2e_trtllm_online_serving",
    "e2e_trtllm_perf_overview",
    "e2e_trtllm_static_batch",
    "e2e_aic_nvidia_runs",
    "e2e_gptfast_decode_bs1",
]


def read(folder, names=TABLES):
    """All rows of the tables, each a dict with its table's name and its line beside the columns."""
    rows = []
    for name in names:
        path = pathlib.Path(folder) / f"{name}.csv"
        with path.open(newline="", encoding="utf-8") as file:
            for line, row in enumerate(csv.DictReader(file), start=2):
                rows.append(dict(row, table=name, line=line))
    return rows
