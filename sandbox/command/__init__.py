"""The stand-in of pulumi-command 1.2.1: `command:remote:Command` over SSH, where the official plugin cannot be had (README.md)."""
