"""tools/calibrate without a GPU: from recorded timings, and with a device that takes what a formula says.

    test_calibrate.py PROGRAM SOURCE_FOLDER"""
import importlib.machinery
import importlib.util
import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

PROGRAM, SOURCE = Path(sys.argv.pop(1)).resolve(), Path(sys.argv.pop(1)).resolve()
HERE = SOURCE / "tests" / "calibrate"
sys.path.insert(0, str(SOURCE / "tools"))
sys.dont_write_bytecode = True
from calibration import estimate, output, plan  # noqa: E402

loader = importlib.machinery.SourceFileLoader("calibrate", str(SOURCE / "tools" / "calibrate"))
calibrate = importlib.util.module_from_spec(importlib.util.spec_from_loader("calibrate", loader))
loader.exec_module(calibrate)

DEVICE = json.loads((HERE / "recorded.device.json").read_text())
STUDY = """
model: llama-3.1-8b
cluster: {hardware: mine}
workload:
  max_requests: 20
  profiles:
    - {name: a, arrivals: {process: all_at_once}, prompt_tokens: {dist: constant, value: 1024},
       output_tokens: {dist: constant, value: 32}}
"""


class FormulaBackend:
    """A device of known launch time and shares of its peaks."""

    LAUNCH, MEMORY, COMPUTE = 3e-6, 0.8, 0.6

    def seconds(self, row):
        if row["operation"] == "memory":
            return self.LAUNCH + row["bytes"] / (self.MEMORY * DEVICE["memory_bandwidth"])
        if row["operation"] == "gemm":
            if row["dtype"] == "fp8" and row["m"] < 16:
                return None  # a kernel that the device lacks
            peak, width = DEVICE["peak"][row["dtype"]], estimate.WEIGHT_BYTES[row["dtype"]]
            return self.LAUNCH + max(2.0 * row["m"] * row["n"] * row["k"] / (self.COMPUTE * peak),
                                     width * row["n"] * row["k"] / (self.MEMORY * DEVICE["memory_bandwidth"]))
        if row["operation"] == "decode":
            if row["sequences"] == 512:
                raise MemoryError
            return self.LAUNCH + plan.kv_bytes(row) / (self.MEMORY * DEVICE["memory_bandwidth"])
        pairs = row["sequences"] * row["tokens"] * (row["tokens"] + 1) / 2
        return self.LAUNCH + 4.0 * row["heads"] * row["head_dim"] * pairs / (self.COMPUTE * DEVICE["peak"]["bf16"])


def llmsweep(*arguments, folder):
    return subprocess.run([PROGRAM, *arguments], cwd=folder, capture_output=True, text=True, check=False)


class Measured(unittest.TestCase):
    """What a backend measures is found again."""

    @classmethod
    def setUpClass(cls):
        rows = list(plan.single_gpu(["bf16", "fp8"], DEVICE["memory"]))
        cls.rows = calibrate.measure(FormulaBackend(), rows, lambda row, seconds: None)
        cls.n_planned = len(rows)
        for operation, ranks in (("all_reduce", 8), ("all_to_all", 4)):
            for size in plan.MESSAGES:
                sent = estimate.SENT[operation](ranks) * size
                cls.rows.append({"operation": operation, "ranks": ranks, "bytes": size,
                                 "seconds": 9e-6 + sent / (0.7 * DEVICE["link_bandwidth"])})
        cls.kernels = estimate.kernels(cls.rows, DEVICE)

    def test_launches_and_shares_are_those_of_the_device(self):
        self.assertAlmostEqual(self.kernels["memory"]["memory_frac"], 0.8, delta=0.01)
        self.assertAlmostEqual(self.kernels["memory"]["launch"], 3e-6, delta=0.1e-6)
        for dtype in ("bf16", "fp8"):
            self.assertAlmostEqual(self.kernels["gemm"][dtype]["tile_128x128"], 0.6, delta=0.02)
            self.assertLess(self.kernels["gemm"][dtype]["launch"], 8e-6)
        self.assertAlmostEqual(self.kernels["prefill"]["frac_128"], 0.6, delta=0.02)
        self.assertAlmostEqual(self.kernels["decode"]["frac_128"], 0.8, delta=0.02)
        self.assertAlmostEqual(self.kernels["collectives"]["launch"], 9e-6, delta=1e-9)
        self.assertAlmostEqual(self.kernels["collectives"]["all_reduce_frac"], 0.7, delta=1e-6)
        self.assertAlmostEqual(self.kernels["collectives"]["all_to_all_frac"], 0.7, delta=1e-6)

    def test_rows_without_a_kernel_or_memory_are_left_out(self):
        self.assertFalse([r for r in self.rows if r["operation"] == "gemm" and r["dtype"] == "fp8" and r["m"] < 16])
        self.assertFalse([r for r in self.rows if r["operation"] == "decode" and r["sequences"] == 512])
        self.assertLess(len(self.rows), self.n_planned)

    def test_the_plan_stays_within_memory_and_names_nothing_twice(self):
        rows = list(plan.single_gpu(["bf16"], 24e9)) + list(plan.several_gpus(8))
        self.assertEqual(len({tuple(sorted(row.items())) for row in rows}), len(rows))
        self.assertTrue(all(plan.kv_bytes(r) <= 6e9 for r in rows if r["operation"] == "decode"))
        self.assertEqual({r["ranks"] for r in plan.several_gpus(4)}, {2, 4})


class Recorded(unittest.TestCase):
    """The files that recorded timings give are files that the program reads."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name)
        subprocess.run([sys.executable, "-B", SOURCE / "tools" / "calibrate", "mine", "-o", self.path, "--timings",
                        HERE / "recorded.csv", "--device", HERE / "recorded.device.json"], check=True)

    def tearDown(self):
        self.folder.cleanup()

    def test_the_program_reads_the_hardware_file(self):
        result = llmsweep("hardware", "./mine.yaml", folder=self.path)
        self.assertEqual(result.returncode, 0, result.stderr)

    def test_a_study_runs_on_it_and_near_the_library_s(self):
        (self.path / "study.yaml").write_text(STUDY)
        results = []
        for hardware in ("mine", "h100-sxm"):
            result = llmsweep("simulate", "study.yaml", "--json", "--set", f"cluster.hardware={hardware}", folder=self.path)
            self.assertEqual(result.returncode, 0, result.stderr)
            results.append(json.loads(result.stdout)["metrics"])
        mine, library = results
        self.assertGreater(mine["n_extrapolated"], 0)
        self.assertEqual(library["n_extrapolated"], 0)
        self.assertAlmostEqual(mine["makespan_s"] / library["makespan_s"], 1.0, delta=0.25)

    def test_timings_written_are_the_timings_read(self):
        self.assertEqual(output.read_rows(self.path / "mine.csv"), output.read_rows(HERE / "recorded.csv"))

    def test_what_is_missing_is_said(self):
        command = [sys.executable, "-B", SOURCE / "tools" / "calibrate", "mine", "-o", self.path]
        result = subprocess.run([*command, "--timings", HERE / "recorded.csv"], capture_output=True, text=True, check=False)
        self.assertEqual(result.returncode, 2)
        self.assertIn("--timings and --device go together", result.stderr)
        result = subprocess.run([*command, "--timings", HERE / "recorded.csv", "--device", HERE / "recorded.device.json",
                                 "--set", "power=much"], capture_output=True, text=True, check=False)
        self.assertIn("write a number in SI units", result.stderr)


if __name__ == "__main__":
    unittest.main()
