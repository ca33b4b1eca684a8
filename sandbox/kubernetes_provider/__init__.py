"""The stand-in of pulumi-kubernetes 4.34.2: server-side apply to a real API server, where the official plugin cannot be had (README.md)."""
