"""Benchmarks: one file per path, each with its baseline in the same run."""
