"""An emulation of pulumi-kubernetes 4.34.2: server-side apply to a real API server (README.md)."""
