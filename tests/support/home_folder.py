"""The home folder of a test's machine, also for programs that read it from the password database."""

from __future__ import annotations

import os
from pathlib import Path

_BIN = Path(__file__).parent / "bin"


def environment(folder: Path) -> dict[str, str]:
    """HOME and PATH of that machine, and the variables of the OCI provider (source: terraform-provider-oci, GetHomeFolder)."""
    return {
        "HOME": str(folder),
        "PATH": f"{_BIN}{os.pathsep}{os.environ['PATH']}",
        "TF_HOME_OVERRIDE": str(folder),
        "TF_VAR_config_file_profile": "DEFAULT",
    }
