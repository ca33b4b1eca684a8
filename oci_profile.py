"""Which account the OCI provider will use: its region, tenancy and user.

Read from where the provider itself reads them and in its order: the stack's `oci:` configuration, TF_VAR_
environment variables, the profile in ~/.oci/config (source: pulumi-oci, installation and configuration). Only names
are taken, never a key.
"""

from __future__ import annotations

import configparser
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from specs.shell import printable, quoted

CONFIG_FILE = Path("~/.oci/config")
PASTE = "console: My profile → API keys → Add; download the private key, paste the text into the file, with the key's path as key_file"


class ProfileError(ValueError):
    """The file cannot be used; the message says why and what mends it, for a person, and quotes no line of it."""


@dataclass(frozen=True)
class OciProfile:
    """The account in use. A field is "" where nothing says it.

    region: such as "eu-frankfurt-1"; tenancy_ocid: also the OCID of the root compartment; user_ocid: the user who
    runs Pulumi; name: of the profile, where the stack names one; problem: why the provider will find no account in the
    file, where it has to look there, and what mends it.
    """

    region: str
    tenancy_ocid: str
    user_ocid: str
    name: str = ""
    problem: str = ""


def read(
    config: Callable[[str], str | None], environment: Mapping[str, str] = os.environ, file: Path = CONFIG_FILE
) -> OciProfile:
    """Find the account. `config` looks a key up in the stack's `oci:` namespace, for example
    `pulumi.Config("oci").get`.
    """

    def given(key: str) -> str:
        variable = re.sub("([A-Z])", r"_\1", key).lower()
        return config(key) or environment.get(f"TF_VAR_{variable}") or ""

    name, of_file, problem = config("configFileProfile") or "", {}, ""
    try:
        of_file = section(name, environment, file)
    except ProfileError as error:
        problem = str(error)
    found = OciProfile(
        region=given("region") or of_file.get("region", ""),
        tenancy_ocid=given("tenancyOcid") or of_file.get("tenancy", ""),
        user_ocid=given("userOcid") or of_file.get("user", ""),
        name=name,
    )
    if _signs_without_file(given):
        return found
    # Oracle's SDK knows variables of its own, under which there may be an account that is not seen here.
    known = (found.tenancy_ocid and found.user_ocid) or any(variable.startswith("OCI_") for variable in environment)
    key_file = "" if given("privateKey") or given("privateKeyPath") else of_file.get("key_file", "")
    if not problem and not of_file and not known:
        problem = (
            f'{file}: does not exist, and nothing else tells the account (README, "On your own tenancy")\n    {PASTE}'
        )
    elif key_file and not Path(key_file).expanduser().is_file():
        problem = f"{file}: its key_file does not exist: {key_file}\n    {PASTE}"
    return replace(found, problem=problem)


def _signs_without_file(given: Callable[[str], str]) -> bool:
    """Is all that a request is signed with told elsewhere, or is it signed without? Then it does not matter what is in the file."""
    if given("auth").lower() not in ("", "apikey", "securitytoken"):
        return True
    key = given("privateKey") or given("privateKeyPath")
    return bool(key and given("tenancyOcid") and given("userOcid") and given("fingerprint"))


def section(name: str, environment: Mapping[str, str], file: Path) -> dict[str, str]:
    """A profile of the file, as it is there; name: "" for the one that the environment names, or DEFAULT.

    Empty when there is no file: an account may be configured wholly without this one. Raises ProfileError when there is one that
    cannot be read or has no such profile.
    """
    profile = name or environment.get("TF_VAR_config_file_profile") or "DEFAULT"
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(file.expanduser().read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except OSError as error:
        # A ~ in quotation marks would stay one.
        raise ProfileError(
            f"{file}: cannot be read ({error.strerror})\n    chmod u+r {quoted(str(file.expanduser()))}"
        ) from None
    except (configparser.Error, UnicodeDecodeError) as error:
        raise ProfileError(f"{file}: {_unreadable(error)}") from None
    names = [*(["DEFAULT"] if parser.defaults() else []), *parser.sections()]
    if profile not in names:
        there = f"those there are {', '.join(names)}" if names else "it has none at all"
        mend = f"pulumi config set oci:configFileProfile {quoted(names[0])}" if names else PASTE
        if not name and environment.get("TF_VAR_config_file_profile") and names:
            mend = f"export TF_VAR_config_file_profile={quoted(names[0])}"
        raise ProfileError(f"{file}: has no profile {printable(profile)}; {printable(there)}\n    {mend}")
    return dict(parser[profile])


def _unreadable(error: Exception) -> str:
    """What is wrong with the file, and what mends it. The errors' own texts quote lines, and one may be the key's passphrase."""
    if isinstance(error, configparser.DuplicateOptionError):
        return (
            f"has {error.option} twice in the profile {error.section} (line {error.lineno})\n"
            "    keep one: the text was pasted twice, or the second one needs a profile, such as [WORK], above it"
        )
    if isinstance(error, configparser.DuplicateSectionError):
        return f"has the profile {error.section} twice (line {error.lineno})\n    keep one, or give the second one another name"
    if isinstance(error, configparser.MissingSectionHeaderError):
        # The provider does not see a first line after a byte order mark either (source: oci-go-sdk, parseConfigFile), so it is not skipped.
        return (
            "does not begin with a profile, such as [DEFAULT]\n"
            "    put [DEFAULT] above the text, and save it as UTF-8 without a byte order mark (BOM)"
        )
    if isinstance(error, configparser.ParsingError):
        lines = ", ".join(str(line) for line, _ in error.errors)
        return f"has a line that is no `name=value` (line {lines})\n    paste the console's text again"
    return "is not in UTF-8\n    save it as UTF-8 without a byte order mark (BOM)"
