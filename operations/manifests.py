"""Writes the Kubernetes manifests of a stack as YAML, for reading only. Needs no cluster, account or secret.

Secrets, and values that exist only after `up`, are words in angle brackets. The program does not use these files.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import yaml

import settings
from specs import kubernetes, load_balancer
from specs.kubernetes import Manifest
from specs.oci_profile import OciProfile

FOLDER = Path("manifests")
ROOT = Path(__file__).resolve().parents[1]

# Values of the account, which are not committed. The checks accept these texts.
ACCOUNT = {
    "password": "<password>",
    "registryToken": "<token>",
    "sshNetworks": ["203.0.113.7/32"],
    "apiNetworks": ["203.0.113.7/32"],
}
SECRET = "<secret>"  # noqa: S105 - a placeholder
TLS = ("tlsCertificate", "tlsPrivateKey")
PLACE = re.compile(r"ocid1\.[a-z]+\.(?P<realm>[a-z0-9]+)\.(?P<region>[a-z]+-[a-z-]+-[0-9]+)\.")


def account(values: dict[str, str]) -> OciProfile:
    """Return an account in the region of the OCIDs among the values, or in Frankfurt if there are none."""
    found = PLACE.search(" ".join(values.values()))
    realm, region = (found["realm"], found["region"]) if found else ("oc1", "eu-frankfurt-1")
    return OciProfile(region, f"ocid1.tenancy.{realm}..example", f"ocid1.user.{realm}..example")


def configuration(stack: str) -> dict[str, str]:
    """Return the defaults of Pulumi.yaml and the values of Pulumi.<stack>.yaml, with placeholders for the account and for secrets."""
    project = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())
    given = yaml.safe_load((ROOT / f"Pulumi.{stack}.yaml").read_text()).get("config") or {}
    prefix = f"{project['name']}:"
    plain = {
        key.removeprefix(prefix): _readable(value)
        for key, value in given.items()
        if key.startswith(prefix) and (key.removeprefix(prefix) in TLS or not _is_encrypted(value))
    }
    values: dict[str, Any] = {key: entry["default"] for key, entry in project["config"].items()}
    values = {**values, **ACCOUNT, **plain}
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in values.items()}


def _is_encrypted(value: Any) -> bool:
    return isinstance(value, dict) and "secure" in value


def _readable(value: Any) -> Any:
    if _is_encrypted(value):
        return SECRET
    return {key: _readable(part) for key, part in value.items()} if isinstance(value, dict) else value


def _checkable(values: dict[str, str]) -> dict[str, str]:
    """Return the values without a certificate if its key is encrypted, because the checks compare the two."""
    if SECRET not in (values[key] for key in TLS):
        return values
    return {**values, **dict.fromkeys(TLS, ""), "loadBalancerInternal": "true"}


def manifests(stack: str) -> list[Manifest]:
    """Return the manifests of the stack. Raises settings.ConfigurationError."""
    values = configuration(stack)
    kubernetes_is_target = values["target"] == "kubernetes"
    config = (
        settings.parse(_checkable(values), "containerised-app", stack, account(values))
        if kubernetes_is_target
        else None
    )
    if not isinstance(config, settings.KubernetesSettings):
        raise settings.ConfigurationError(f"The target of stack {stack} is not kubernetes: make manifests STACK=oke")
    internal = json.loads(values["loadBalancerInternal"])
    config = config.model_copy(update={"tls_certificate": values["tlsCertificate"], "load_balancer_internal": internal})
    app, balancer = config.app_spec, config.load_balancer_spec
    subnet = config.load_balancer_subnet_id or "<OCID of the load balancer's subnet>"
    groups = [*([] if config.cluster_id else ["<OCID of its group>"]), *config.load_balancer_security_group_ids]
    secret = kubernetes.encode(SECRET)
    return [
        kubernetes.namespace(app),
        kubernetes.pull_secret(app, kubernetes.docker_config(config.registry_host, "<namespace>/<user>", "<token>")),
        kubernetes.files_secret(app, dict.fromkeys(config.secret_files, secret)),
        *([kubernetes.tls_secret(app, balancer.tls_secret, secret, secret)] if balancer.tls_secret else []),
        *([kubernetes.volume(app, "<uid of the claim>")] if app.volume_id else []),
        kubernetes.claim(app),
        kubernetes.network_policy(app),
        kubernetes.deployment(app, f"{config.registry_host}/<namespace>/{config.stack_name}@sha256:<digest>"),
        kubernetes.service(app, balancer, load_balancer.service_annotations(balancer, subnet, ",".join(groups))),
    ]


def main() -> None:
    """Write manifests/<stack>.yaml."""
    stack = sys.argv[1]
    FOLDER.mkdir(exist_ok=True)
    file = FOLDER / f"{stack}.yaml"
    try:
        documents = manifests(stack)
    except (settings.ConfigurationError, FileNotFoundError) as error:
        sys.exit(str(error))
    file.write_text(yaml.safe_dump_all(documents, sort_keys=False))
    print(f"{file}: {', '.join(document['kind'] for document in documents)}")


if __name__ == "__main__":
    main()
