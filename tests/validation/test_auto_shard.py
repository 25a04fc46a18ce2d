"""Promises of tools/auto-shard: the guide's layout and classes, and docs/auto-shard.md is current."""
import pathlib
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

from validation import auto_shard  # noqa: E402

PROGRAM = sys.argv.pop(1)


class Layout(unittest.TestCase):
    def test_shapes_have_the_guides_names(self):
        self.assertEqual(auto_shard.name_of("4096, 4096, 4096, null, product, 99"), (0, "4096x4096"))
        self.assertEqual(auto_shard.name_of("8192, 4096, 4096, null, product, 9"), (1, "(8192,4096)@(4096,4096)"))
        self.assertEqual(auto_shard.name_of("8, null, null, 4x8 8x2, product, 9"), (2, "8 rows, 4 → 8 → 2"))
        self.assertEqual(auto_shard.name_of("8, 4, null, null, elementwise, 9"), (3, "8x4 + 8x4"))

    def test_classes_are_shares_of_the_gpus(self):
        of = [auto_shard.class_of(speedup, 8) for speedup in (7.5, 7, 6.9, 4, 3.9, 1.1, 1.0, 0.5)]
        self.assertEqual(of, ["near-linear"] * 2 + ["partial"] * 2 + ["limited"] * 2 + ["none"] * 2)
        self.assertEqual(auto_shard.class_of(1.75, 2), "near-linear")

    def test_a_comparison_reads_like_the_guides(self):
        cells = {(0, "16x16"): {1: {"time_s": 2.345, "tflop_per_s": 91.2, "speedup": 1},
                                8: {"time_s": 0.312, "tflop_per_s": 684.5, "speedup": 7.52}}}
        lines = list(auto_shard.comparison(cells, [1, 8]))
        self.assertIn("--- Square Matrix Multiplications ---", lines)
        self.assertIn("16x16 |  2.345s (  91.2 TF) |  0.312s ( 684.5 TF)", lines)
        self.assertIn("8 GPUs vs 1 GPU:", lines)
        self.assertIn("  Average speedup: 7.52x", lines)


class Page(unittest.TestCase):
    def test_it_says_what_the_program_computes(self):
        page = (ROOT / "docs/auto-shard.md").read_text(encoding="utf-8")
        self.assertEqual(page, auto_shard.with_tables(page, auto_shard.run(PROGRAM)), "run tools/auto-shard --docs")


unittest.main()
