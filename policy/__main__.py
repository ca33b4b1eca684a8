"""Serves the policies to the engine, until it ends."""

from __future__ import annotations

import sys
from pathlib import Path

# An official Pulumi runs this folder as a program, without what is around it.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from policy import pack

pack.serve(pack.POLICIES)
