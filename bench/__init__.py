"""What is measured, and against what: `make bench` (engine and start) and `make bench-local` (make local, cold and warm)."""
