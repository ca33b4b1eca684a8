"""What is measured, and against what: `make bench` (engine and start), `make bench-images` (build, size and start of the image) and
`make bench-local` (make local, cold and warm).
"""
