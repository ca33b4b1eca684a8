"""What of a committed stack file holds in the sandbox: what belongs to its team's account, machine or key is taken out or stood in for.

The sandbox is another account, with another key for secrets. What is taken out here is either the sandbox's own instead
(stack_file.account_values, build_values) or not there at all; `differing` tells which keys that are, so that nothing is pretended.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sandbox import account, paths
from sandbox.toolchain.tools import KUBERNETES_VERSION

Config = dict[str, Any]
ENCRYPTED = {"secure": ""}
"""An encrypted value, whatever it is: the place of one that the sandbox encrypts with its own key."""
ACCOUNT_SECRETS = ("password", "registryToken")
"""Secrets which every stack has; of the sandbox's account, whether the committed file has them or not."""
NETWORKS = ("sshNetworks", "apiNetworks")
OWN_NETWORK = f"{paths.GATEWAY}/32"
"""This machine, as the sandbox's machines see it."""
WITH_SECRETS = ("secretFiles", "environment")
"""Keys whose single values may be encrypted and may be any text; the program says that it takes none in `environment`."""
OF_BUILDS = ("registryHost", "registryUsername", "builder")
"""No other registry takes the sandbox's images, and it has no other builder."""
# What is only allowed, or means something, beside an existing thing that is left out.
_BESIDE = {"subnetId": ("assignPublicIp",), "clusterId": ("privateApiEndpoint", "securityListManagementMode")}


def adapted(config: Mapping[str, Any], project: str, *, builds: bool) -> Config:
    """The committed configuration of this project without what is another account's, machine's or key's.

    ENCRYPTED stands where the sandbox has to set a secret (`placeholder`). builds: the stack is built and run here, not only previewed.
    """
    own = {key.removeprefix(f"{project}:"): value for key, value in config.items() if key.startswith(f"{project}:")}
    others = {key: value for key, value in config.items() if not key.startswith(("oci:", f"{project}:"))}
    dropped = {key for key, value in own.items() if _is_ocid(value)} | {"sshPrivateKeyFile"}
    dropped |= {beside for key in dropped for beside in _BESIDE.get(key, ())}
    # The sandbox has one version.
    dropped |= {"kubernetesVersion"} if own.get("kubernetesVersion") != f"v{KUBERNETES_VERSION}" else set()
    dropped |= set() if _is_there(own.get("caBundleFile")) else {"caBundleFile"}
    dropped |= set(OF_BUILDS) if builds else set()
    kept = {key: value for key, value in own.items() if key not in dropped}
    if "tlsCertificate" in kept and any(is_encrypted(kept.get(key)) for key in ("tlsCertificate", "tlsPrivateKey")):
        # The two have to match.
        kept["tlsCertificate"] = account.load_balancer_certificate()
    if "availabilityDomain" in kept:
        kept["availabilityDomain"] = _availability_domain(kept["availabilityDomain"])
    for key in NETWORKS if builds else ():
        # Or this machine, which the committed file does not know, could not connect.
        if isinstance(kept.get(key), list) and OWN_NETWORK not in kept[key]:
            kept[key] = [*kept[key], OWN_NETWORK]
    named = {**others, **{f"{project}:{key}": value for key, value in kept.items()}}
    return {
        key: _emptied(relocated(value))
        for key, value in named.items()
        if not has_encrypted(value) or _is_stood_in_for(key.removeprefix(f"{project}:"), value)
    }


def differing(committed: Mapping[str, Any], here: Mapping[str, Any], project: str) -> list[str]:
    """The keys which the committed configuration sets and which are otherwise, or not at all, in the sandbox's.

    Secrets are not compared: that they are the sandbox's own goes without saying.
    """
    different = [key for key, value in committed.items() if written(relocated(value)) != written(here.get(key))]
    return sorted(key.removeprefix(f"{project}:") for key in different)


def placeholder(place: tuple[str, ...]) -> str:
    """What the sandbox sets where ENCRYPTED is; place: key without the project's name, then names in its value."""
    known = {
        ("password",): account.app_password,
        ("registryToken",): account.registry_token,
        ("tlsPrivateKey",): account.load_balancer_key,
    }
    return (
        known[place]() if place in known else f"stands in for {'.'.join(map(str, place))}, which another key encrypts"
    )


def is_encrypted(value: Any) -> bool:
    """Is it as `pulumi config set --secret` writes it?"""
    return isinstance(value, dict) and "secure" in value


def has_encrypted(value: Any) -> bool:
    """Is it, or is anything in it, encrypted?"""
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return is_encrypted(value) or any(map(has_encrypted, parts))


def written(value: Any) -> Any:
    """A value such that it equals itself after `pulumi config set`, which writes numbers and truth values as text, has written the file.

    All encrypted values are equal: what they are cannot be seen.
    """
    if is_encrypted(value):
        return ENCRYPTED
    if isinstance(value, dict):
        return {key: written(part) for key, part in value.items()}
    if isinstance(value, list):
        return [written(part) for part in value]
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else value


def relocated(value: Any) -> Any:
    """The value, with the sandbox's registry where it is: committed files name its usual address."""
    if isinstance(value, str) and f"{value}/".startswith(f"{paths.USUAL_REGISTRY_ADDRESS}/"):
        return paths.REGISTRY_ADDRESS + value.removeprefix(paths.USUAL_REGISTRY_ADDRESS)
    return value


def _is_stood_in_for(key: str, value: Any) -> bool:
    if key in WITH_SECRETS and isinstance(value, dict) and not is_encrypted(value):
        return all(is_encrypted(part) or not has_encrypted(part) for part in value.values())
    return key == "tlsPrivateKey"


def _emptied(value: Any) -> Any:
    if is_encrypted(value):
        return dict(ENCRYPTED)
    return {key: _emptied(part) for key, part in value.items()} if isinstance(value, dict) else value


def _is_ocid(value: Any) -> bool:
    """One OCID or more. What is none is left for the program to complain about."""
    values = value if isinstance(value, list) else [value]
    return bool(values) and all(isinstance(one, str) and one.startswith("ocid1.") for one in values)


def _availability_domain(value: Any) -> Any:
    """The sandbox's domain of the same number: a change of domain, which makes a new volume, has to show."""
    number = re.fullmatch(r"\w+:[A-Z0-9-]+-AD-([123])", str(value))
    return paths.AVAILABILITY_DOMAINS[int(number[1]) - 1] if number else value


def _is_there(file: Any) -> bool:
    """Files of the checkout have to be there, and the program complains when they are not; those of a person's machine need not."""
    path = Path(str(file))
    return not str(file).startswith(("/", "~")) or path.expanduser().exists()
