"""Oracle Cloud on one machine: what `make local` and the tests run the program against (sandbox/README.md)."""
