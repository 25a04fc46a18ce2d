"""Fit the kernel parameters of hardware files to measured kernels (see tools/fit)."""
