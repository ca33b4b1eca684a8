"""Which account the OCI provider will use: its region, tenancy and user.

Read from where the provider itself reads them and in its order: the stack's `oci:` configuration, TF_VAR_
environment variables, the profile in ~/.oci/config (source: pulumi-oci, installation and configuration). Only names
are taken, never a key.
"""

from __future__ import annotations

import configparser
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

CONFIG_FILE = Path("~/.oci/config")


@dataclass(frozen=True)
class OciProfile:
    """The account in use. A field is "" where nothing says it.

    region: such as "eu-frankfurt-1"; tenancy_ocid: also the OCID of the root compartment; user_ocid: the user who
    runs Pulumi; name: of the profile, where the stack names one.
    """

    region: str
    tenancy_ocid: str
    user_ocid: str
    name: str = ""


def read(
    config: Callable[[str], str | None], environment: Mapping[str, str] = os.environ, file: Path = CONFIG_FILE
) -> OciProfile:
    """Find the account. `config` looks a key up in the stack's `oci:` namespace, for example
    `pulumi.Config("oci").get`.
    """
    name = config("configFileProfile") or ""
    of_file = section(name, environment, file)

    def find(key: str, variable: str, option: str) -> str:
        return config(key) or environment.get(f"TF_VAR_{variable}") or of_file.get(option, "")

    return OciProfile(
        region=find("region", "region", "region"),
        tenancy_ocid=find("tenancyOcid", "tenancy_ocid", "tenancy"),
        user_ocid=find("userOcid", "user_ocid", "user"),
        name=name,
    )


def section(name: str, environment: Mapping[str, str], file: Path) -> dict[str, str]:
    """A profile of the file, as it is there; name: "" for the one that the environment names, or DEFAULT."""
    profile = name or environment.get("TF_VAR_config_file_profile") or "DEFAULT"
    parser = configparser.ConfigParser(interpolation=None)
    # The files of a read that fails are skipped: an account may be configured wholly without this one.
    parser.read(file.expanduser())
    return dict(parser[profile]) if profile in parser else {}
