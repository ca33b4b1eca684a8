"""Benchmarks: `make bench`, `make bench-images`, `make bench-cluster` and `make bench-local` (bench/README.md)."""
