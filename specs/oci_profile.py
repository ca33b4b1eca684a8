"""The account that the OCI provider signs with: its region, tenancy and user.

The provider looks in three places: first the stack's `oci:` configuration together with TF_VAR_ and OCI_ variables, then the profile in
~/.oci/config, then that file's DEFAULT. Tenancy, user and fingerprint come from the first place that has all three. The key and the region
each come from the first place that has one (source: terraform-provider-oci, provider.go, GetSdkConfigProvider; oci-go-sdk,
common/configuration.go, ComposingConfigurationProvider, and common/client.go).
"""

from __future__ import annotations

import configparser
import os
import pwd
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import takewhile
from pathlib import Path

from specs.shell import printable, quoted


def home() -> Path:
    """Return the home folder in the password database, where the provider looks. HOME may differ, as in a container of a CI job."""
    try:
        return Path(pwd.getpwuid(os.getuid()).pw_dir)
    except KeyError:  # some containers have no entry for the user
        return Path.home()


CONFIG_FILE = home() / ".oci" / "config"
PASTE = "console: My profile → API keys → Add; download the private key, paste the text into the file, with the key's path as key_file"

# Names in the file and in Oracle's SDK, and the provider's keys for them.
KEYS = {
    "tenancy": "tenancyOcid",
    "user": "userOcid",
    "fingerprint": "fingerprint",
    "key_file": "privateKeyPath",
    "key_content": "privateKey",
    "pass_phrase": "privateKeyPassword",
    "region": "region",
}
IDENTITY = ("tenancy", "user", "fingerprint")
SECRETS = {
    "oci:privateKey": "Secret. The API key itself (PEM); ~/.oci/config names its file.",
    "oci:privateKeyPassword": "Secret. The passphrase of the API key.",
    "oci:tokenExchangeClientSecret": "Secret. Of a workload identity's OAuth client.",
}
"""The provider's keys that hold a secret, with descriptions (source: pulumi-oci 5.5, the inputs of its Provider)."""


class ProfileError(ValueError):
    """The file cannot be used. The message says why and what fixes it; it quotes no line of the file."""


@dataclass(frozen=True)
class OciProfile:
    """The account in use. A field is "" if it is unknown.

    region: such as "eu-frankfurt-1"; tenancy_ocid: also the OCID of the root compartment; user_ocid: the user who runs Pulumi; name: of
    the profile, if the stack names one; problem: why the provider finds no account or the wrong one, and what fixes it.
    """

    region: str
    tenancy_ocid: str
    user_ocid: str
    name: str = ""
    problem: str = ""


@dataclass(frozen=True)
class Account:
    """values: for signing, and the region, by the names in KEYS (secret); problem: as in OciProfile."""

    values: Mapping[str, str] = field(repr=False)
    problem: str = ""


def read(
    config: Callable[[str], str | None], environment: Mapping[str, str] = os.environ, file: Path = CONFIG_FILE
) -> OciProfile:
    """Find the account, without its key. config: returns a value of the stack's `oci:` namespace, like `pulumi.Config("oci").get`."""
    found = find(config, environment, file)
    region, tenancy, user = (found.values.get(name, "") for name in ("region", "tenancy", "user"))
    return OciProfile(region, tenancy, user, config("configFileProfile") or "", found.problem)


def find(config: Callable[[str], str | None], environment: Mapping[str, str], file: Path) -> Account:
    """Find the account. See `read`."""
    configured = partial(_configured, config, environment)
    profile, of_profile = configured("configFileProfile")
    if profile and environment.get("TF_HOME_OVERRIDE"):
        file = Path(environment["TF_HOME_OVERRIDE"], ".oci", "config")
    if not profile and not os.path.exists(file):
        file = Path(environment.get("OCI_CONFIG_FILE") or file)
    overrides = {name: value for name, key in KEYS.items() if (value := configured(key)[0])}
    places, problem = {"": overrides}, ""
    try:
        places |= _profiles(profile, of_profile, file)
    except ProfileError as error:
        problem = str(error)
    signing = next((name for name, place in places.items() if _has_identity(place)), None)
    key = next((place for place in places.values() if place.keys() & {"key_file", "key_content"}), {})
    values = {name: value for place in reversed(places.values()) for name, value in place.items()}
    if signing is not None:
        values |= {name: places[signing].get(name, "") for name in IDENTITY}
    values |= {name: key.get(name, "") for name in ("key_file", "key_content", "pass_phrase")}
    if configured("auth")[0].lower() not in ("", "apikey", "securitytoken") or (signing == "" and key is overrides):
        return Account(values)
    if problem:
        return Account(values, problem)
    if signing is None:
        return Account(values, _incomplete(file, list(places.values())))
    for where, place in takewhile(lambda item: item[0] != signing, places.items()):
        for name in IDENTITY:
            if place.get(name, values[name]) != values[name]:
                lacking = [each for each in IDENTITY if each not in place]
                return Account(values, _conflict(name, where or configured(KEYS[name])[1], lacking, signing))
    if not key:
        return Account(values, f"{file}: has no key_file\n    {PASTE}")
    if key is not overrides and not os.path.isfile(expanded(values["key_file"])):
        return Account(values, f"{file}: its key_file does not exist: {values['key_file']}\n    {PASTE}")
    return Account(values)


def _configured(config: Callable[[str], str | None], environment: Mapping[str, str], key: str) -> tuple[str, str]:
    """Return the value of a key in the stack or the environment, and its place; "" for both if it has none."""
    variable = re.sub("([A-Z])", r"_\1", key).lower()
    values = {f"oci:{key}": config(key)}
    values |= {name: environment.get(name) for name in (f"TF_VAR_{variable}", f"OCI_{variable.upper()}")}
    return next(((value, place) for place, value in values.items() if value), ("", ""))


def expanded(path: str) -> Path:
    """Expand `~/` as the provider does, to the home folder in the password database."""
    return home() / path[2:] if path.startswith("~/") else Path(path)


def _has_identity(place: Mapping[str, str]) -> bool:
    # A session of `oci session authenticate` has a token instead of a user.
    return all(name in place or (name == "user" and "security_token_file" in place) for name in IDENTITY)


def _incomplete(file: Path, places: list[dict[str, str]]) -> str:
    overrides, *profiles = places
    if not profiles and not any(name in overrides for name in IDENTITY):
        return f"{file}: does not exist, and nothing else names the account (docs/own-account.md)\n    {PASTE}"
    profile = profiles[0] if profiles else {}
    of_file, of_stack = (", ".join(name for name in IDENTITY if name not in place) for place in (profile, overrides))
    return (
        f"{file}: lacks {of_file}; the stack's oci: configuration and the environment lack {of_stack}. The OCI provider takes tenancy, "
        f"user and fingerprint from one of the two\n    {PASTE}"
    )


def _conflict(name: str, where: str, lacking: list[str], signing: str) -> str:
    if where.startswith("profile "):
        missing, fix = " and ".join(lacking), f"remove {name} from that profile"
    else:
        missing = " and ".join(f"oci:{KEYS[each]}" for each in lacking)
        fix = f"pulumi config rm {where}" if where.startswith("oci:") else f"unset {where}"
    return (
        f"{where}: has another {name} than {signing}, which signs. The OCI provider takes tenancy, user and fingerprint from one place: "
        f"add {missing}, or\n    {fix}"
    )


def _profiles(name: str, place: str, file: Path) -> dict[str, dict[str, str]]:
    """Return the named profile of the file and then DEFAULT, each by its place. name: "" for DEFAULT; place: where the name is set.

    Empty if the file does not exist, since it is optional. Raises ProfileError if it cannot be read or has no such profile.
    """
    # As in the provider, no profile inherits from DEFAULT.
    parser = configparser.ConfigParser(interpolation=None, default_section="")
    try:
        parser.read_string(file.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ProfileError(f"{file}: cannot be read ({error.strerror})\n    chmod u+r {quoted(str(file))}") from None
    except (configparser.Error, UnicodeDecodeError) as error:
        raise ProfileError(f"{file}: {_unreadable(error)}") from None
    names = parser.sections()
    profile = name or "DEFAULT"
    if profile not in names:
        there = f"it has {', '.join(names)}" if names else "it has none at all"
        other = quoted(names[0]) if names else ""
        fix = f"pulumi config set oci:configFileProfile {other}" if names else PASTE
        if names and place and not place.startswith("oci:"):
            fix = f"export {place}={other}"
        raise ProfileError(f"{file}: has no profile {printable(profile)}; {printable(there)}\n    {fix}")
    chosen = dict.fromkeys((profile, *(["DEFAULT"] if "DEFAULT" in names else [])))
    return {
        f"profile {each} of {file}": {key: value for key, value in parser[each].items() if value} for each in chosen
    }


def _unreadable(error: Exception) -> str:
    """Return what is wrong and what fixes it. The parser's own messages quote lines, and a line may be the key's passphrase."""
    if isinstance(error, configparser.DuplicateOptionError):
        return (
            f"has {error.option} twice in the profile {error.section} (line {error.lineno})\n"
            "    keep one: the text was pasted twice, or the second one needs a profile, such as [WORK], above it"
        )
    if isinstance(error, configparser.DuplicateSectionError):
        return f"has the profile {error.section} twice (line {error.lineno})\n    keep one, or give the second one another name"
    if isinstance(error, configparser.MissingSectionHeaderError):
        # Like the provider, this does not skip a byte order mark (source: oci-go-sdk, parseConfigFile).
        return (
            "does not begin with a profile, such as [DEFAULT]\n"
            "    put [DEFAULT] above the text, and save it as UTF-8 without a byte order mark (BOM)"
        )
    if isinstance(error, configparser.ParsingError):
        lines = ", ".join(str(line) for line, _ in error.errors)
        return f"has a line that is no `name=value` (line {lines})\n    paste the console's text again"
    return "is not in UTF-8\n    save it as UTF-8 without a byte order mark (BOM)"
