"""Promises of tools/validate: rows become the scenarios that docs/validation.md says, errors are what they are called."""
import csv
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

from validation import benchmarks, cases, measured, program, report  # noqa: E402

COLUMNS = ["source_repo_or_title", "source_path_or_section", "model", "gpu", "n_gpus", "tp", "pp", "dp", "ep", "precision",
           "engine", "input_len", "output_len", "concurrency_or_rate", "metric", "value", "unit", "notes"]


def row(table, **values):
    common = dict.fromkeys(COLUMNS, "")
    common.update(model="LLaMA v3.1 8B", gpu="H100-SXM", tp="1", pp="1", dp="1", ep="1", precision="FP8", input_len="1024",
                  output_len="128", table=table)
    return dict(common, **values)


class Tables(unittest.TestCase):
    def test_a_model_that_its_bandwidth_contradicts_is_named_anew(self):
        with tempfile.TemporaryDirectory() as folder:
            with open(pathlib.Path(folder) / "e2e_gptfast_decode_bs1.csv", "w", newline="", encoding="utf-8") as file:
                writer = csv.DictWriter(file, COLUMNS)
                writer.writeheader()
                for value in ("155.58", "19.13"):
                    writer.writerow(dict(dict.fromkeys(COLUMNS, ""), model="Llama-2-7B", value=value))
            rows = measured.read(folder, ["e2e_gptfast_decode_bs1"])
        self.assertEqual([row["model"] for row in rows], ["Llama-2-7B", "Llama-2-70B"])


class Providers(unittest.TestCase):
    def test_a_gpu_with_a_table_of_its_library_is_looked_up(self):
        case = {"engine.preset": "trtllm-1.0", "cluster.hardware": "h100-sxm"}
        with tempfile.TemporaryDirectory() as folder:
            self.assertIsNone(program.with_table(case, pathlib.Path(folder)))
            path = pathlib.Path(folder).resolve() / "h100-sxm.trtllm.csv"
            path.touch()
            self.assertEqual(program.with_table(case, pathlib.Path(folder))["cluster.hardware"],
                             {"base": "h100-sxm", "kernel_table": str(path)})
            self.assertIsNone(program.with_table(dict(case, **{"engine.preset": "vllm-0.11"}), pathlib.Path(folder)))


class Cases(unittest.TestCase):
    def test_generated_deployments_have_the_generators_limits(self):
        case = cases.case_of(row("e2e_aic_nvidia_runs", engine="trtllm 1.0.0rc3", concurrency_or_rate="concurrency=32"))
        self.assertEqual(case["engine.max_num_seqs"], 32)
        self.assertEqual(case["engine.max_num_batched_tokens"], 32 + 1024 + 1000)
        self.assertEqual(case["workload.max_requests"], 320)
        self.assertEqual(case["workload.profiles.p.prompt_tokens.value"], 1024 + 35)  # the chat template's
        case = cases.case_of(row("e2e_aic_nvidia_runs", engine="vllm 0.12.0", gpu="H200-SXM",
                                 concurrency_or_rate="concurrency=32"))
        self.assertEqual(case["engine.max_num_batched_tokens"], 512 + 1024 + 1500)
        self.assertEqual(case["workload.max_requests"], 640)

    def test_schedulers_of_their_own_are_replicas_or_attention_data_parallelism(self):
        def of(**values):
            case = cases.case_of(row("e2e_aic_nvidia_runs", **values))
            return [case[f"strategy.{degree}"] for degree in ("tp", "dp", "ep")]

        notes = "source batch_size=13 differs from concurrency=416 (per-rank batch under attention DP or replicas)"
        self.assertEqual(of(engine="trtllm 1.3.0rc5", model="nvidia/Qwen3-32B-NVFP4", gpu="B200-SXM", precision="fp4",
                            tp="2", concurrency_or_rate="concurrency=416", notes=notes), [2, 32, 1])
        notes = "source batch_size=56 differs from concurrency=224 (per-rank batch under attention DP or replicas)"
        self.assertEqual(of(engine="trtllm 1.3.0rc1", model="nvidia/DeepSeek-R1-NVFP4", gpu="B200-SXM", precision="fp4",
                            tp="4", ep="4", concurrency_or_rate="concurrency=224", notes=notes), [1, 1, 4])

    def test_prompts_that_repeat_are_shared_whole(self):
        case = cases.case_of(row("e2e_aic_nvidia_runs", engine="vllm 0.12.0", gpu="H200-SXM",
                                 model="nvidia/Llama-3.1-8B-Instruct-FP8", concurrency_or_rate="concurrency=32"))
        prefix = case["workload.profiles.p.shared_prefix"]
        self.assertEqual(prefix["tokens"] + case["workload.profiles.p.prompt_tokens.value"], 1024 + 35)
        self.assertEqual((prefix["groups"], prefix["skew"]), (100, 0))

    def test_tensorrt_llm_reads_beyond_a_sliding_window(self):
        case = cases.case_of(row("e2e_trtllm_perf_overview", engine="TensorRT-LLM 0.17", model="Mistral 7B",
                                 input_len="20000", output_len="2000"))
        self.assertIsNone(case["model"]["sliding_window"])

    def test_an_engine_that_nobody_configured_keeps_its_defaults(self):
        case = cases.case_of(row("e2e_aic_nvidia_runs", engine="sglang 0.5.1.post1", concurrency_or_rate="concurrency=8"))
        self.assertNotIn("engine.max_num_batched_tokens", case)
        self.assertEqual(case["engine.preset"], "sglang-0.5")

    def test_lengths_of_inferencemax_vary(self):
        case = cases.case_of(row("e2e_aic_nvidia_runs", engine="vllm 0.16.0", concurrency_or_rate="concurrency=8",
                                 source_path_or_section="x gap_analysis y"))
        self.assertEqual(case["workload.profiles.p.prompt_tokens.dist"], "uniform")
        self.assertEqual((case["workload.profiles.p.prompt_tokens.low"], case["workload.profiles.p.prompt_tokens.high"]),
                         (819, 1024))

    def test_batches_in_flight_share_trtllm_benchs_limit(self):
        one, four = (cases.case_of(row("e2e_trtllm_perf_overview", engine="TensorRT-LLM 1.0 (PyTorch backend)",
                                       gpu="RTX6000Pro", model="Llama 3.3 70B", precision="FP4", pp=pp, input_len="128",
                                       output_len="2048", concurrency_or_rate="max-load")) for pp in ("1", "4"))
        self.assertGreater(four["engine.max_num_seqs"], one["engine.max_num_seqs"])
        self.assertLessEqual(four["engine.max_num_seqs"], four["engine.max_num_batched_tokens"])

    def test_what_cannot_be_run_has_a_reason(self):
        with self.assertRaisesRegex(cases.Unusable, "no hardware file for MI-250x"):
            cases.case_of(row("e2e_gptfast_decode_bs1", gpu="MI-250x", metric="decode_tokens_per_s_per_user"))
        with self.assertRaisesRegex(cases.Unusable, "number of users"):
            cases.case_of(row("e2e_aic_nvidia_runs", engine="vllm 0.12.0", concurrency_or_rate="batch=24"))
        with self.assertRaisesRegex(cases.Unusable, "no model file"):
            cases.case_of(row("e2e_trtllm_static_batch", model="nobody's", concurrency_or_rate="static batch=1"))


class Benchmarks(unittest.TestCase):
    def test_trtllm_bench_rounds_up_to_its_steps(self):
        seqs, tokens = benchmarks.trtllm_bench_limits("llama-3.1-8b", 79.1, 1, 1, 1.0, 1, 128, 128)
        self.assertEqual((seqs % 256, tokens % 512), (0, 0))
        self.assertGreaterEqual(tokens, seqs)

    def test_old_engines_were_built_by_name_degree_and_length(self):
        self.assertEqual(benchmarks.trtllm_bench_engine("llama-3.1-70b", 2, 1000, 1000), (256, 1024))
        self.assertEqual(benchmarks.trtllm_bench_engine("llama-3.1-70b", 2, 2048, 2048), (2048, 1024))
        self.assertIsNone(benchmarks.trtllm_bench_engine("mixtral-8x22b", 8, 128, 128))

    def test_old_versions_decode_grouped_queries_without_tensor_cores(self):
        cells = [("0.9.0", "LLaMA 70B", False), ("0.6.1", "LLaMA 70B", True), ("0.9.0", "Mistral 7B", True)]
        for version, model, masked in cells:
            case = cases.case_of(row("e2e_trtllm_static_batch", engine=f"TensorRT-LLM {version}", model=model,
                                     concurrency_or_rate="static batch=64"))
            self.assertEqual(case["cluster.hardware"]["decode_attention"], "masked" if masked else "whole")


class Report(unittest.TestCase):
    def test_quantiles_lie_between_the_values(self):
        self.assertEqual(report.quantile([3, 1, 2], 0.5), 2)
        self.assertAlmostEqual(report.quantile([0, 10], 0.9), 9)

    def test_groups_tell_bias_from_size(self):
        compared = [{"kind": "tpot", "error": error} for error in (-0.2, 0.1, 0.1)]
        ((names, n, signed, median, _),) = report.groups(compared, ["kind"])
        self.assertEqual((names, n, signed), (("tpot",), 3, 0.1))
        self.assertAlmostEqual(median, 0.1)


class Whole(unittest.TestCase):
    """A row that is measured at what the program says is predicted without error, through the whole tool."""

    def test_errors_are_predicted_over_measured_less_one(self):
        mine = row("e2e_gptfast_decode_bs1", model="Llama-2-7B", gpu="A100-80GB (power limited to 330W)", precision="BF16",
                   input_len="5", output_len="", engine="gpt-fast (PyTorch)", metric="decode_tokens_per_s_per_user")
        result = program.simulate(PROGRAM, cases.case_of(mine))
        speed = 1 / result["metrics"]["tpot_mean_s"]
        with tempfile.TemporaryDirectory() as folder:
            data = pathlib.Path(folder)
            (data / "measured").mkdir()
            for table in measured.TABLES:
                with open(data / "measured" / f"{table}.csv", "w", newline="", encoding="utf-8") as file:
                    writer = csv.DictWriter(file, COLUMNS, extrasaction="ignore")
                    writer.writeheader()
                    if table == mine["table"]:
                        writer.writerow(dict(mine, value=repr(speed)))
                        writer.writerow(dict(mine, value=repr(2 * speed)))
                        writer.writerow(dict(mine, gpu="MI-250x", value="1"))
            run = subprocess.run([sys.executable, "-B", ROOT / "tools" / "validate", "--data", data, "--out", data,
                                  "--program", PROGRAM], capture_output=True, text=True, check=True)
            with open(data / "end_to_end.csv", newline="", encoding="utf-8") as file:
                errors = [float(line["error"]) for line in csv.DictReader(file)]
        self.assertIn("1 rows not run: no hardware file for MI-250x", run.stdout)
        self.assertEqual(sorted(errors), [0, 1])  # twice the speed is half the time


if __name__ == "__main__":
    PROGRAM = sys.argv.pop()
    unittest.main()
