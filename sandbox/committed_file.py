"""Adapts a committed stack file to the sandbox, which is another account with another key for secrets.

Values of the team's account, machines or key are removed or replaced by placeholders. The sandbox adds its own values
(stack_file.account_values, build_values). `differing` lists the changed keys.
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
"""Marks an encrypted value that the sandbox replaces by a value encrypted with its own key."""
ACCOUNT_SECRETS = ("password", "registryToken")
"""Secrets of every stack; the sandbox always uses its own."""
NETWORKS = ("sshNetworks", "apiNetworks")
OWN_NETWORK = f"{paths.GATEWAY}/32"
"""This host, as the sandbox's machines see it."""
WITH_SECRETS = ("secretFiles", "environment")
"""Keys with entries that may be encrypted text. The program itself refuses encrypted entries of `environment`."""
OF_BUILDS = ("registryHost", "registryUsername", "builder")
"""Built stacks always use the sandbox's registry and builder."""
# Keys that are only valid together with a removed key.
_BESIDE = {"subnetId": ("assignPublicIp",), "clusterId": ("privateApiEndpoint", "securityListManagementMode")}


def adapted(config: Mapping[str, Any], project: str, *, builds: bool) -> Config:
    """Return the committed configuration without values of another account, machine or key.

    ENCRYPTED marks secrets that the sandbox has to set (`placeholder`). builds: the stack is built and run here, not only previewed.
    """
    own = {key.removeprefix(f"{project}:"): value for key, value in config.items() if key.startswith(f"{project}:")}
    others = {key: value for key, value in config.items() if not key.startswith(("oci:", f"{project}:"))}
    dropped = {key for key, value in own.items() if _is_ocid(value)} | {"sshPrivateKeyFile"}
    dropped |= {beside for key in dropped for beside in _BESIDE.get(key, ())}
    # The sandbox has only one version.
    dropped |= {"kubernetesVersion"} if own.get("kubernetesVersion") != f"v{KUBERNETES_VERSION}" else set()
    dropped |= set() if _is_usable(own.get("caBundleFile")) else {"caBundleFile"}
    dropped |= set(OF_BUILDS) if builds else set()
    kept = {key: value for key, value in own.items() if key not in dropped}
    if "tlsCertificate" in kept and any(is_encrypted(kept.get(key)) for key in ("tlsCertificate", "tlsPrivateKey")):
        # Certificate and key have to match.
        kept["tlsCertificate"] = account.load_balancer_certificate()
    if "availabilityDomain" in kept:
        kept["availabilityDomain"] = _availability_domain(kept["availabilityDomain"])
    for key in NETWORKS if builds else ():
        # Otherwise this host could not connect.
        if isinstance(kept.get(key), list) and OWN_NETWORK not in kept[key]:
            kept[key] = [*kept[key], OWN_NETWORK]
    named = {**others, **{f"{project}:{key}": value for key, value in kept.items()}}
    return {
        key: _emptied(relocated(value))
        for key, value in named.items()
        if not has_encrypted(value) or _is_replaced(key.removeprefix(f"{project}:"), value)
    }


def differing(committed: Mapping[str, Any], here: Mapping[str, Any], project: str) -> list[str]:
    """Return the committed keys with another value, or none, in the sandbox. Secrets are not compared."""
    different = [key for key, value in committed.items() if written(relocated(value)) != written(here.get(key))]
    return sorted(key.removeprefix(f"{project}:") for key in different)


def placeholder(place: tuple[str, ...]) -> str:
    """Return the value that replaces ENCRYPTED; place: the key without the project's name, then names in its value."""
    known = {
        ("password",): account.app_password,
        ("registryToken",): account.registry_token,
        ("tlsPrivateKey",): account.load_balancer_key,
    }
    return known[place]() if place in known else f"placeholder of {'.'.join(map(str, place))}"


def is_encrypted(value: Any) -> bool:
    """Return whether `pulumi config set --secret` wrote the value."""
    return isinstance(value, dict) and "secure" in value


def has_encrypted(value: Any) -> bool:
    """Return whether the value or a part of it is encrypted."""
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return is_encrypted(value) or any(map(has_encrypted, parts))


def written(value: Any) -> Any:
    """Normalise a value for comparison: `pulumi config set` writes numbers and booleans as text.

    All encrypted values compare as equal.
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
    """Replace the usual address of the sandbox's registry, which committed files use, by its actual address."""
    if isinstance(value, str) and f"{value}/".startswith(f"{paths.USUAL_REGISTRY_ADDRESS}/"):
        return paths.REGISTRY_ADDRESS + value.removeprefix(paths.USUAL_REGISTRY_ADDRESS)
    return value


def _is_replaced(key: str, value: Any) -> bool:
    if key in WITH_SECRETS and isinstance(value, dict) and not is_encrypted(value):
        return all(is_encrypted(part) or not has_encrypted(part) for part in value.values())
    return key == "tlsPrivateKey"


def _emptied(value: Any) -> Any:
    if is_encrypted(value):
        return dict(ENCRYPTED)
    return {key: _emptied(part) for key, part in value.items()} if isinstance(value, dict) else value


def _is_ocid(value: Any) -> bool:
    """Return whether the value is one OCID or more. The program itself reports other values."""
    values = value if isinstance(value, list) else [value]
    return bool(values) and all(isinstance(one, str) and one.startswith("ocid1.") for one in values)


def _availability_domain(value: Any) -> Any:
    """Return the sandbox's domain of the same number, so a preview shows a change of domain, which creates a new volume."""
    number = re.fullmatch(r"\w+:[A-Z0-9-]+-AD-([123])", str(value))
    return paths.AVAILABILITY_DOMAINS[int(number[1]) - 1] if number else value


def _is_usable(file: Any) -> bool:
    """Return False for a missing file outside the checkout. The program itself reports a missing file of the checkout."""
    path = Path(str(file))
    return not str(file).startswith(("/", "~")) or path.expanduser().exists()
