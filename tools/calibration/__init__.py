"""Measure a GPU and describe it (see tools/calibrate)."""
