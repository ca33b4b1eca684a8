"""An emulation of pulumi-command 1.2.1: `command:remote:Command` over SSH (README.md)."""
