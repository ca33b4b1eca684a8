"""Serves the policies to the engine."""

from __future__ import annotations

import sys
from pathlib import Path

# An official Pulumi runs this folder as a program, without the checkout on its path.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from policy import pack

pack.serve(pack.POLICIES)
