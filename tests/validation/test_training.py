"""Promises of tools/check_training: settings become studies, published figures seconds, and docs/training.md is current."""
import pathlib
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

from validation import training  # noqa: E402

PROGRAM = sys.argv.pop(1)
GPT = {"num_hidden_layers": 10, "hidden_size": 1000, "vocab_size": 16000}


class Studies(unittest.TestCase):
    def test_a_row_adds_to_what_its_table_shares(self):
        study = training.study_of({"model": "llama-3-8b", "training.zero_stage": 3},
                                  {"layers": 4, "nodes": 2, "tp": 8, "virtual_stages": 2, "step_s": 1.0})
        self.assertEqual(study["model"], {"base": "llama-3-8b", "num_hidden_layers": 4})
        self.assertEqual(study["cluster"], {"nodes": 2})
        self.assertEqual(study["strategy"], {"lod": "high", "tp": 8})
        self.assertEqual(study["training"], {"zero_stage": 3, "virtual_stages": 2, "schedule": "interleaved"})

    def test_a_shared_model_keeps_its_layers(self):
        model = dict(GPT)
        training.study_of({"model": model}, {"layers": 4})
        self.assertEqual(model, GPT)


class Figures(unittest.TestCase):
    def seconds(self, row, metrics=None):
        study = {"model": GPT, "strategy": {"tp": 2, "dp": 4},
                 "training": {"global_batch_size": 8, "sequence_length": 600}}
        return training.measured_s(study, row, metrics)

    def test_each_figure_is_seconds_of_a_step(self):
        self.assertEqual(self.seconds({"step_s": 3.5}), 3.5)
        self.assertEqual(self.seconds({"tokens": 100}), 8 * 600 / 100 / 8)
        self.assertAlmostEqual(self.seconds({"mfu": 0.5}, {"mfu": 0.6, "step_time_s": 2}), 2.4)

    def test_narayanan_et_al_count_recomputation(self):
        flop = 8 * 600 * 10 * 1000**2
        self.assertAlmostEqual(self.seconds({"hardware_tflops": 1}), 96 * flop * (1 + 0.1 + 0.1) / 8e12)
        self.assertAlmostEqual(self.seconds({"model_tflops": 1}), 72 * flop * (1 + 0.1 + 16 / 120) / 8e12)


class Page(unittest.TestCase):
    def test_it_says_what_the_program_computes(self):
        page = (ROOT / "docs/training.md").read_text(encoding="utf-8")
        self.assertEqual(page, training.with_table(page, training.compare(PROGRAM)), "run tools/check_training --docs")


unittest.main()
