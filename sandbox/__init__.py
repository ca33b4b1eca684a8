"""An emulator of Oracle Cloud on one machine, used by `make local` and the tests (sandbox/README.md)."""
