"""Open a cube with everything a user might, and compare: check_readers.py CUBE.h5 LLMSWEEP.

`llmsweep export` says what each cell holds; xarray through both of its engines, h5py, h5dump and ncdump must say the
same.
"""

import csv
import io
import subprocess
import sys
import unittest
import warnings

import h5py
import numpy as np
import xarray as xr

FIXED_AXES = ["tp", "pp", "dp", "ep", "lod"]
QUANTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}
ATTRIBUTES = {"Conventions", "title", "kind", "study", "resolved_study", "study_sha256", "schema_version",
              "llmsweep_version", "engine_version", "seed", "created"}
UNITS = {"1", "s", "1/s", "byte", "USD", "J", "TFLOP/s"}
CUBE, LLMSWEEP = sys.argv[1:3]


def command(*arguments):
    return subprocess.run(arguments, check=True, capture_output=True, text=True).stdout


def exported():
    text = command(LLMSWEEP, "export", CUBE, "--csv", "-")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def column(rows, name):
    return np.array([float(row[name]) if row[name] else np.nan for row in rows])


class Export(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.rows = exported()
        names = list(cls.rows[0])
        cls.axes = names[:names.index("status")]
        cls.metrics = names[names.index("gpus") + 1:]


class Xarray:
    """What holds through either engine."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            cls.cube = xr.open_dataset(CUBE, engine=cls.engine)
            cls.run_group = xr.open_dataset(CUBE, engine=cls.engine, group="run")

    @classmethod
    def tearDownClass(cls):
        cls.cube.close()
        cls.run_group.close()

    def values(self, name):
        stem, _, suffix = name.removesuffix("_s").rpartition("_")
        if suffix in QUANTILES and name not in self.cube:
            return self.cube[f"{stem}_q"].sel(quantile=QUANTILES[suffix])
        return self.cube[name]

    def test_dimensions_come_in_order(self):
        dims = list(self.cube.status.dims)
        self.assertEqual(dims, self.axes)
        self.assertEqual(dims[:5], FIXED_AXES)
        self.assertEqual(dims[-1], "replica")
        self.assertEqual(self.cube.ttft_q.dims, (*dims, "quantile"))

    def test_every_cell_has_its_coordinates(self):
        for axis in self.axes:
            along = self.cube[axis].broadcast_like(self.cube.status).transpose(*self.axes).values.ravel()
            expected = [row[axis] for row in self.rows]
            if along.dtype.kind in "if":
                expected = [float(text) for text in expected]
            self.assertEqual(list(along), expected)

    def test_every_metric_is_what_export_says(self):
        self.assertIn("ttft_p99_s", self.metrics)
        for name in self.metrics:
            values = self.values(name).values.ravel()
            np.testing.assert_array_equal(values, column(self.rows, name), err_msg=name)

    def test_status_and_reason_by_their_flags(self):
        for name, dtype in (("status", np.uint8), ("reason", np.uint16)):
            flags = self.cube[name]
            self.assertEqual(flags.dtype, dtype)
            meanings = dict(zip(np.atleast_1d(flags.attrs["flag_values"]), flags.attrs["flag_meanings"].split()))
            self.assertEqual([meanings[code] for code in flags.values.ravel()], [row[name] for row in self.rows])
        self.assertEqual(self.cube.gpus.dtype, np.int32)
        np.testing.assert_array_equal(self.cube.gpus.values.ravel(), column(self.rows, "gpus"))

    def test_metrics_say_what_they_are(self):
        for name, variable in self.cube.data_vars.items():
            if name in ("status", "reason", "gpus", "fingerprint"):
                continue
            self.assertEqual(variable.dtype, np.float64, name)
            self.assertIn(variable.attrs["units"], UNITS, name)
            self.assertTrue(variable.attrs["long_name"], name)
            self.assertTrue(variable.attrs["description"], name)
            self.assertTrue(np.isnan(variable.encoding["_FillValue"]), name)
            self.assertTrue(np.isfinite(variable.values).any(), f"{name} has no value: it should be absent")

    def test_provenance(self):
        self.assertEqual(ATTRIBUTES - set(self.cube.attrs), set())
        self.assertEqual(len(self.cube.attrs["study_sha256"]), 64)
        self.assertEqual(self.cube.attrs["schema_version"], 1)

    def test_selection_by_name(self):
        words = [axis for axis in self.axes if self.cube[axis].dtype.kind in "UOT"]
        self.assertIn("lod", words)
        for axis in words:
            for word in self.cube[axis].values:
                picked = self.cube.n_arrived.sel({axis: word}).values.ravel()
                expected = column([row for row in self.rows if row[axis] == word], "n_arrived")
                np.testing.assert_array_equal(picked, expected)

    def test_the_run_group_stands_apart(self):
        self.assertEqual(list(self.run_group["rank"].dims), self.axes)
        self.assertIn("host", self.run_group.attrs)
        ran = np.array([row["status"] != "not_run" for row in self.rows])
        self.assertTrue((self.run_group["rank"].values.ravel()[ran] >= 0).all())


class H5netcdf(Xarray, Export):
    engine = "h5netcdf"


class Netcdf4(Xarray, Export):
    engine = "netcdf4"


class Tools(Export):
    def test_h5py(self):
        with h5py.File(CUBE) as cube:
            for name in self.metrics:
                if name in cube:
                    dataset = cube[name]
                    np.testing.assert_array_equal(dataset[...].ravel(), column(self.rows, name), err_msg=name)
                    self.assertEqual([dimension[0].name for dimension in dataset.dims],
                                     [f"/{axis}" for axis in self.axes])
            metric = cube["n_arrived"]
            self.assertTrue(metric.shuffle and metric.fletcher32)
            self.assertEqual((metric.compression, metric.compression_opts), ("gzip", 1))
            self.assertEqual(h5py.check_string_dtype(cube["lod"].dtype).encoding, "utf-8")
            self.assertIsNone(h5py.check_string_dtype(cube["lod"].dtype).length)

    def test_h5dump(self):
        text = command("h5dump", "--dataset=/lod", CUBE)
        for level in {row["lod"] for row in self.rows}:
            self.assertIn(f'"{level}"', text)
        listed = command("h5dump", "--contents", CUBE)
        self.assertIn("/ttft_q", listed)
        self.assertIn("/run/rank", listed)

    def test_ncdump(self):
        header = command("ncdump", "-h", CUBE)
        dims = ", ".join(axis.replace(" ", "\\ ") for axis in self.axes)
        self.assertIn(f"double ttft_q({dims}, quantile) ;", header)
        self.assertIn(f"ubyte status({dims}) ;", header)
        self.assertIn("group: run {", header)
        gpus = command("ncdump", "-v", "gpus", CUBE).split(" gpus =")[1].split(";")[0]
        self.assertEqual([int(text) for text in gpus.replace("\n", " ").split(",")],
                         [int(row["gpus"]) for row in self.rows])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
