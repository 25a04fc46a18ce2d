"""Rows of requests and timelines, and what a benchmark client would make of them: check_details.py LLMSWEEP REPLAY.

A recorded run is replayed on several deployments. What the cube holds of a cell must be what `simulate --requests` and
`--timeline` write of the same one; and the latencies of the cube must be those that vLLM's benchmark reports
(vllm/benchmarks/serve.py, calculate_metrics): over completed requests, TTFT and E2E of all, TPOT of those with more than
one output token, without the first, ITL of every gap between two tokens, percentiles as numpy has them. Here they are
computed from the rows, and the gaps from the passes of `simulate --trace`.
"""

import csv
import json
import os
import random
import subprocess
import sys
import tempfile
import unittest

import h5py
import numpy as np
import xarray as xr

LLMSWEEP, REPLAY = map(os.path.abspath, sys.argv[1:3])
QUANTILES = [0.5, 0.9, 0.95, 0.99]
# Tokens leave when a pass ends, so that the gaps between them can be read off the trace.
STUDY = """
model: llama-3.1-8b
cluster: {hardware: h100-sxm}
engine:
  max_model_len: 2500
  request_latency_s: 0
  request_overhead_s: 0
  chat_template_char_s: 0
  prompt_token_overhead_s: 0
  output_token_overhead_s: 0
workload: {trace: {file: recorded.csv}}
sweep: {axes: {tp: [1, 2, 3], dp: [1, 2], lod: [low, medium, high]}}
output: {requests: true, timeline: true}
"""


def run(*arguments):
    return subprocess.run([LLMSWEEP, *arguments], check=True, capture_output=True, text=True).stdout


def record():
    """A hundred and twenty requests: some of one token, some too long, some at the same time."""
    draw = random.Random(5)
    at = 0.0
    with open("recorded.csv", "w") as file:
        print("arrival_s,prompt_tokens,output_tokens", file=file)
        for i in range(120):
            at += draw.expovariate(12) if i % 10 else 0
            print(f"{at:.6f},{draw.choice([50, 700, 2000, 2900])},{draw.choice([1, 2, 60, 200])}", file=file)


def table(path):
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    return {name: [row[name] for row in rows] for name in rows[0]}


def numbers(column):
    return np.array([float(value) if value else np.nan for value in column])


class Details(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        os.chdir(cls.folder.name)
        record()
        with open("study.yaml", "w") as file:
            file.write(STUDY)
        run("run", "study.yaml", "-o", "a.h5", "--quiet")
        cls.cube = xr.open_dataset("a.h5")

    @classmethod
    def tearDownClass(cls):
        cls.cube.close()
        os.chdir("/")
        cls.folder.cleanup()

    def cells(self, *levels):
        for degree in (1, 2):
            for lod in levels:
                yield {"tp": degree, "dp": degree, "lod": lod}

    def rows(self, group, cell, engine="h5netcdf"):
        with xr.open_dataset("a.h5", group=group, engine=engine) as details:
            index = details[["start", "count"]].assign_coords({name: self.cube[name] for name in details.start.dims})
            index = index.sel(cell).squeeze()
            start, count = int(index.start), int(index["count"])
            return details.isel({details.cell.dims[0]: slice(start, start + count)}).load()

    def simulate(self, cell, *files):
        run("simulate", "study.yaml", *[f"--set={key}={value}" for key, value in cell.items()], *files)

    def test_requests_are_what_simulate_writes(self):
        for cell in self.cells("medium", "high"):
            self.simulate(cell, "--requests", "requests.csv")
            written = table("requests.csv")
            order = np.argsort(numbers(written["request"]))
            for engine in ("h5netcdf", "netcdf4"):
                rows = self.rows("requests", cell, engine)
                self.assertEqual(rows.sizes["row"], 120)
                np.testing.assert_array_equal(rows.request, np.arange(120))
                for name in written:
                    if name == "outcome":
                        meanings = rows.outcome.attrs["flag_meanings"].split()
                        self.assertEqual([meanings[i] for i in rows.outcome.values], [written[name][i] for i in order])
                    else:
                        np.testing.assert_array_equal(rows[name], numbers(written[name])[order], err_msg=name)
            self.assertEqual(set(written["outcome"]), {"completed", "rejected"})

    def test_timelines_are_what_simulate_writes(self):
        for cell in self.cells("medium", "high"):
            self.simulate(cell, "--timeline", "timeline.csv")
            rows = self.rows("timeline", cell)
            for name, column in table("timeline.csv").items():
                np.testing.assert_array_equal(rows[name], numbers(column), err_msg=name)

    def test_rows_name_their_cells(self):
        with h5py.File("a.h5") as cube:
            for group in ("requests", "timeline"):
                start, count = (cube[group][name][...].ravel() for name in ("start", "count"))
                np.testing.assert_array_equal(cube[group]["cell"], np.repeat(np.arange(count.size), count))
                np.testing.assert_array_equal(start, np.cumsum(count) - count)
                self.assertEqual(cube[group]["count"].dims[0][0].name, "/tp")
                rows = cube[group]["cell"].dims[0][0].name
                self.assertEqual(rows, f"/{group}/" + cube[group]["count"].attrs["sample_dimension"])

    def test_low_and_infeasible_cells_have_none(self):
        with xr.open_dataset("a.h5", group="requests") as details:
            count = details["count"].assign_coords(tp=self.cube.tp, lod=self.cube.lod)
            self.assertEqual(int(count.sel(lod="low").sum()), 0)
            self.assertEqual(int(count.sel(tp=3).sum()), 0)
            self.assertTrue((count.sel(tp=[1, 2], lod=["medium", "high"]) == 120).all())

    def gaps(self, cell, rows):
        """Times between the tokens of each completed request: those of the passes that end while it decodes."""
        self.simulate(cell, "--trace", "trace.json")
        with open("trace.json") as file:
            events = json.load(file)["traceEvents"]
        ends = {}
        for event in events:
            if event["ph"] == "X" and event["name"] == "pass":
                ends.setdefault(event["pid"], []).append((event["ts"] + event["dur"]) * 1e-6)
        pids = sorted(ends)
        gaps = []
        for i in np.flatnonzero(rows.outcome == 0):
            passes = np.array(ends[pids[int(rows.pipeline[i])]])
            within = (passes > float(rows.first_token_s[i]) - 1e-9) & (passes < float(rows.end_s[i]) + 1e-9)
            tokens = passes[within]
            self.assertEqual(len(tokens), int(rows.output_tokens[i]))
            gaps.extend(np.diff(np.sort(tokens)))
        return np.array(gaps)

    def assert_latency(self, cell, name, values, tolerance):
        counted = self.cube.sel(cell).squeeze()
        np.testing.assert_allclose(float(counted[f"{name}_mean_s"]), np.mean(values), rtol=1e-9, atol=1e-12)
        percentiles = np.percentile(values, [100 * q for q in QUANTILES])
        np.testing.assert_allclose(counted[f"{name}_q"], percentiles, rtol=tolerance, atol=1e-12, err_msg=name)

    def test_latencies_are_those_of_vllms_benchmark(self):
        for cell in self.cells("medium", "high"):
            rows = self.rows("requests", cell)
            done = rows.isel(row=np.flatnonzero(rows.outcome == 0))
            latency = (done.end_s - done.arrival_s).values
            ttft = (done.first_token_s - done.arrival_s).values
            several = done.output_tokens.values > 1
            tpot = (latency - ttft)[several] / (done.output_tokens.values[several] - 1)
            self.assert_latency(cell, "ttft", ttft, 1e-9)
            self.assert_latency(cell, "tpot", tpot, 1e-9)
            self.assert_latency(cell, "e2e", latency, 1e-9)
            gaps = self.gaps(cell, rows)
            self.assertGreater(gaps.size, 1000)
            # more than 256 values are counted in classes 0.1 % wide; trace times are microseconds with three digits
            counted = self.cube.sel(cell).squeeze()
            np.testing.assert_allclose(float(counted.itl_mean_s), gaps.mean(), rtol=1e-5)
            np.testing.assert_allclose(counted.itl_q, np.percentile(gaps, [100 * q for q in QUANTILES]), rtol=1.5e-3)


    def test_a_run_that_is_recorded_is_replayed_as_it_was(self):
        cell = {"tp": 2, "dp": 1, "lod": "medium"}
        rows = self.rows("requests", cell)
        rows = rows.isel(row=np.flatnonzero(rows.outcome != 2))
        failed = (rows.outcome == 1).values
        latency = {"ttft": rows.ttft_s, "tpot": rows.tpot_s, "e2el": rows.e2e_s}
        measured = {f"p{q}_{name}_ms": 1000 * np.nanpercentile(values, q) for name, values in latency.items() for q in (90, 99)}
        measured |= {f"mean_{name}_ms": 1000 * float(values.mean()) for name, values in latency.items()}
        measured |= {
            "start_times": (rows.arrival_s.values + 1234.5).tolist(),
            "input_lens": rows.prompt_tokens.values.tolist(),
            "output_lens": np.where(failed, 0, rows.output_tokens).tolist(),
            "errors": ["too long" if error else "" for error in failed],
            "output_throughput": int(rows.generated_tokens.sum()) / float(rows.end_s.max()),
        }
        with open("measured.json", "w") as file:
            json.dump(measured, file)
        sets = [f"--set={key}={value}" for key, value in cell.items()]
        done = subprocess.run([sys.executable, REPLAY, "measured.json", "study.yaml", "--program", LLMSWEEP, *sets],
                              check=True, capture_output=True, text=True)
        lines = done.stdout.splitlines()
        self.assertEqual(lines[0], f"{120 - failed.sum()} requests")
        self.assertEqual(len(lines), 2 + 9 + 1)
        for line in lines[2:]:
            self.assertRegex(line, r"[+-]0\.[01] %$")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
