"""Write the Kubernetes manifests of a stack as YAML, for reading: no cluster, no account, no secret.

What only exists once the stack is up, and every secret, is a word in angle brackets. The program does not use these files.
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
from specs.kubernetes import Content, Manifest
from specs.oci_profile import OciProfile

FOLDER = Path("manifests")
ROOT = Path(__file__).resolve().parents[1]

ACCOUNT = {
    "password": "<password>",
    "registryToken": "<token>",
    "sshNetworks": ["203.0.113.7/32"],
    "apiNetworks": ["203.0.113.7/32"],
}
"""What the account adds to the committed configuration, as texts that the checks accept."""
SECRET = "<secret>"  # noqa: S105 - a placeholder
PLACE = re.compile(r"ocid1\.[a-z]+\.(?P<realm>[a-z0-9]+)\.(?P<region>[a-z]+-[a-z-]+-[0-9]+)\.")


def account(values: dict[str, Any]) -> OciProfile:
    """An account in the realm and region of the OCIDs among the values; in Frankfurt without any."""
    found = PLACE.search(json.dumps(values))
    realm, region = (found["realm"], found["region"]) if found else ("oc1", "eu-frankfurt-1")
    return OciProfile(region, f"ocid1.tenancy.{realm}..example", f"ocid1.user.{realm}..example")


def configuration(stack: str) -> tuple[str, dict[str, Any]]:
    """The project's name, and what Pulumi.<stack>.yaml sets with placeholders for the account's keys and for secrets."""
    name = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["name"]
    given = yaml.safe_load((ROOT / f"Pulumi.{stack}.yaml").read_text()).get("config") or {}
    own = {key.removeprefix(f"{name}:"): _readable(value) for key, value in given.items() if key.startswith(f"{name}:")}
    return name, {**ACCOUNT, **{key: value for key, value in own.items() if key not in ACCOUNT or value != SECRET}}


def _readable(value: Any) -> Any:
    if isinstance(value, dict):
        return SECRET if "secure" in value else {key: _readable(part) for key, part in value.items()}
    return value


def read(stack: str) -> settings.KubernetesStack:
    """The stack's configuration. Raises settings.ConfigurationError."""
    name, values = configuration(stack)
    if values.get("target") != "kubernetes":
        raise settings.ConfigurationError(f"The target of stack {stack} is not kubernetes: make manifests STACK=oke")
    # The checks compare certificate and key. Without them, if one is encrypted: no manifest has the key.
    hidden = SECRET in (values.get("tlsCertificate"), values.get("tlsPrivateKey"))
    removed = {
        key: values.pop(key, None) for key in ("tlsCertificate", "tlsPrivateKey", "loadBalancerInternal") if hidden
    }
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in values.items()}
    config = settings.parse(texts, name, stack, account(values))
    assert isinstance(config, settings.KubernetesStack)  # noqa: S101 - for the type checker
    if not hidden:
        return config
    update = {
        "tls_certificate": removed["tlsCertificate"] or "",
        "load_balancer_internal": removed["loadBalancerInternal"] in (None, True, "true"),
    }
    return config.model_copy(update={"load_balancer": config.load_balancer.model_copy(update=update)})


def manifests(stack: str) -> list[Manifest]:
    """All that the stack puts into its cluster. Raises settings.ConfigurationError."""
    config = read(stack)
    balancer = config.load_balancer
    subnet = balancer.load_balancer_subnet_id or "<OCID of the load balancer's subnet>"
    groups = [*(["<OCID of its group>"] if config.makes_cluster else []), *balancer.load_balancer_security_group_ids]
    secret = kubernetes.encode(SECRET)
    content = Content(
        image=f"{config.registry_host}/<namespace>/{config.stack_name}@sha256:<digest>",
        registry_login=kubernetes.docker_config(config.registry_host, "<namespace>/<user>", "<token>"),
        files=dict.fromkeys(config.app.secret_files, secret),
        tls_certificate=secret,
        tls_private_key=secret,
        claim_uid="<uid of the claim>",
        annotations=load_balancer.service_annotations(config.load_balancer_spec, subnet, ",".join(groups)),
    )
    return list(kubernetes.manifests(config.app_spec, config.load_balancer_spec, content).values())


class _Dumper(yaml.SafeDumper):
    """Writes equal values out, without anchors."""

    def ignore_aliases(self, data: Any) -> bool:
        """Always."""
        return True


def main() -> None:
    """Write manifests/<stack>.yaml."""
    stack = sys.argv[1]
    FOLDER.mkdir(exist_ok=True)
    file = FOLDER / f"{stack}.yaml"
    try:
        documents = manifests(stack)
    except (settings.ConfigurationError, FileNotFoundError) as error:
        sys.exit(str(error))
    file.write_text(yaml.dump_all(documents, Dumper=_Dumper, sort_keys=False))
    print(f"{file}: {', '.join(document['kind'] for document in documents)}")


if __name__ == "__main__":
    main()
