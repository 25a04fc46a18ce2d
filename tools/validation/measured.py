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


# gpt-fast's page names a model once for several rows; these are said to be of 7B and 8B. The bandwidths beside them (1323,
# 1098 and 1254 GB/s) are 69, 43 and 70 GB a token.
MISNAMED = {
    ("e2e_gptfast_decode_bs1", "Llama-2-7B", "19.13"): "Llama-2-70B",
    ("e2e_gptfast_decode_bs1", "Llama-2-7B", "25.25"): "Llama-2-70B",
    ("e2e_gptfast_decode_bs1", "Llama-3.1-8B", "18.04"): "Llama-3.1-70B",
}


def read(folder, names=TABLES):
    """All rows of the tables, each a dict with its table's name and its line beside the columns."""
    rows = []
    for name in names:
        path = pathlib.Path(folder) / f"{name}.csv"
        with path.open(newline="", encoding="utf-8") as file:
            for line, row in enumerate(csv.DictReader(file), start=2):
                model = MISNAMED.get((name, row["model"], row["value"]), row["model"])
                rows.append(dict(row, model=model, table=name, line=line))
    return rows
