"""What a person is told about a key of the configuration that is wrong: what it must be, and the command that fixes it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from specs.shell import printable, quoted

SECRET_KEYS = ("password", "registryToken")
"""Keys whose values must be encrypted in the stack's file."""

FILE_KEYS = {"tlsCertificate": "tlsCertificate <certificate.pem", "tlsPrivateKey": "--secret tlsPrivateKey <key.pem"}
"""Keys whose values come from a file, and the command that sets them."""

FORMS = {
    "app": "small letters, digits and hyphens, at most 40, beginning with a letter",
    "environment": "one line",
    "environment name": "the name of a variable: letters, digits and _, not beginning with a digit",
    "secretFiles name": "the name of a file: small letters, digits, dots, hyphens and _",
    "dataPath": "an absolute path of letters, digits, dots, hyphens and _",
    "healthPath": "a path that begins with /, without the host",
    "imageTag": "a tag: letters, digits, dots, hyphens and _",
    "platforms": "linux/arm64 or linux/amd64",
    "baseImage": "the reference of an image, such as host/name:tag",
    "attestations": "provenance, sbom, or sbom=host/name:tag with a scanner of your own",
    "builder": "the name of a builder, as `docker buildx ls` shows it: letters, digits, dots, hyphens and _",
    "extraRequirements": "a path of letters, digits, dots, hyphens, slashes, +, @, ~ and _",
    "registryHost": "a host name, with :port where one is needed, and without https://",
    "registryUsername": "<user> or <domain>/<user>: letters, digits, dots, hyphens, +, @ and _",
    "compartmentId": "an OCID that begins with ocid1.compartment or ocid1.tenancy",
    "vcnCidr": "an IPv4 network such as 10.0.0.0/16",
    "subnetCidr": "an IPv4 network such as 10.0.0.0/24",
    "subnetId": "an OCID that begins with ocid1.subnet",
    "availabilityDomain": "the full name of an availability domain, such as Uocm:EU-FRANKFURT-1-AD-2",
    "operatingSystemVersion": "8, 9 or 10",
    "imageId": "an OCID that begins with ocid1.image",
    "dataVolumeId": "an OCID that begins with ocid1.volume",
    "repositoryId": "an OCID that begins with ocid1.containerrepo",
    "clusterId": "an OCID that begins with ocid1.cluster",
    "kubernetesVersion": "a version such as v1.34.1",
    "storageClass": "the name of a storage class, as `kubectl get storageclass` shows it",
    "loadBalancerSubnetId": "an OCID that begins with ocid1.subnet",
    "loadBalancerSecurityGroupIds": "an OCID that begins with ocid1.networksecuritygroup",
}
"""What the patterns in settings mean in words."""

EXAMPLES = {
    "sshNetworks": "203.0.113.7/32",
    "apiNetworks": "203.0.113.7/32",
    "target": "kubernetes",
    "app": "jupyterlab",
    "context": "docker/jupyterlab",
    "port": "8888",
    "dataPath": "/jupyter",
    "healthPath": "/api",
    "userId": "10001",
    "appMemoryInGbs": "0",
    "imageTag": "v1.0.0",
    "platforms": "linux/arm64",
    "baseImage": "ghcr.io/oracle/oraclelinux9-python:3.12",
    "extraRequirements": "extra/requirements.txt",
    "caBundleFile": "/etc/ssl/certs/ca-certificates.crt",
    "attestations": "sbom",
    "builder": "default",
    "registryHost": "ocir.eu-frankfurt-1.oci.oraclecloud.com",
    "registryUsername": "you@example.com",
    "compartmentId": "ocid1.compartment.oc1..example",
    "vcnCidr": "10.0.0.0/16",
    "subnetCidr": "10.0.0.0/24",
    "subnetId": "ocid1.subnet.oc1.eu-frankfurt-1.example",
    "assignPublicIp": "true",
    "availabilityDomain": "Uocm:EU-FRANKFURT-1-AD-2",
    "operatingSystemVersion": "9",
    "imageId": "ocid1.image.oc1.eu-frankfurt-1.example",
    "ocpus": "2",
    "memoryInGbs": "12",
    "bootVolumeSizeInGbs": "50",
    "dataVolumeSizeInGbs": "50",
    "dataVolumeId": "ocid1.volume.oc1.eu-frankfurt-1.example",
    "repositoryId": "ocid1.containerrepo.oc1.eu-frankfurt-1.example",
    "sshPrivateKeyFile": "~/.ssh/id_ed25519",
    "hostKeyGeneration": "2",
    "clusterId": "ocid1.cluster.oc1.eu-frankfurt-1.example",
    "privateApiEndpoint": "false",
    "kubernetesVersion": "v1.34.1",
    "nodeCount": "1",
    "replicas": "1",
    "storageClass": "oci-bv",
    "accessMode": "ReadWriteOnce",
    "loadBalancerMinMbps": "10",
    "loadBalancerMaxMbps": "10",
    "loadBalancerSubnetId": "ocid1.subnet.oc1.eu-frankfurt-1.example",
    "loadBalancerNetworks": "10.0.0.0/16",
    "loadBalancerSecurityGroupIds": "ocid1.networksecuritygroup.oc1.eu-frankfurt-1.example",
    "loadBalancerIdleTimeout": "300",
    "securityListManagementMode": "None",
}
"""A value of each key that would do, for the command that mends it."""

REPLACED = {"sbomScanner": "attestations"}
"""Keys of earlier versions, and the key to use in their place."""

LISTS = (
    "sshNetworks",
    "apiNetworks",
    "platforms",
    "attestations",
    "loadBalancerNetworks",
    "loadBalancerSecurityGroupIds",
)
"""Keys whose values are lists, which are mended one by one."""


def complaint(key: str, problem: str, example: str | None = None, commands: Sequence[str] = ()) -> str:
    """One problem with the command that fixes it. `example`: a value that would do; `commands`: what to type instead of setting it."""
    lines = commands or [mend(key, example)]
    return "\n".join([f"{printable(key)}: {printable(problem)}", *(f"    {line}" for line in lines)])


def mend(place: str, example: str | None = None) -> str:
    """The command that sets a key, or a place in it as `place_in` writes it, right."""
    top = re.split(r"[.\[]", place, maxsplit=1)[0]
    value = quoted(EXAMPLES.get(top, "true") if example is None else example)
    if top in SECRET_KEYS:
        return f"pulumi config set --secret {top}"
    if top == "secretFiles":
        return f"pulumi config set --secret --path {quoted(place if place != top else 'secretFiles.<name>')}"
    if top == "environment":
        return "pulumi config set --path 'environment.<name>' '<value>'"
    if top in FILE_KEYS:
        return f"pulumi config set {FILE_KEYS[top]}"
    if top in LISTS:
        return f"pulumi config set --path {quoted(place if place != top else f'{top}[0]')} {value}"
    return f"pulumi config set {top} {value}"


def removal(place: str) -> str:
    """The command that removes a place in a key."""
    return f"pulumi config rm --path {quoted(place)}"


def place_in(key: str, *inner: str | int) -> str:
    """A value in a list or an object, as Pulumi's --path takes it (source: pulumi, sdk/go/common/resource/properties_path.go)."""
    parts = [
        f"[{part}]"
        if isinstance(part, int)
        else f".{part}"
        if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]*", part)
        else '["{}"]'.format(part.replace('"', '\\"'))
        for part in inner
    ]
    return key + "".join(parts)


def describe(detail: Any, values: Mapping[str, str]) -> str:
    """The complaint for one of pydantic's errors (`ValidationError.errors()`); `values` are the stack's, and no secret is quoted."""
    message = str(detail["msg"]).removeprefix("Value error, ")
    if not detail["loc"]:
        return f"the configuration: {printable(message)}"
    key, *inner = detail["loc"]
    of_name = inner[-1:] == ["[key]"]
    place = place_in(key, *inner[: -1 if of_name else None])
    if detail["type"] == "extra_forbidden":
        instead = f"use {REPLACED[key]} in its place" if key in REPLACED else "docs/configuration.md lists them"
        # One that begins with "-" would be an option.
        remove = f"pulumi config rm {'-- ' if key.startswith('-') else ''}{quoted(key)}"
        return complaint(key, f"is not a key of this program; {instead}", commands=[remove])
    if key in SECRET_KEYS:
        return complaint(key, _secret_problem(key, values.get(key, "")))
    if detail["type"] == "string_pattern_mismatch":
        message = f"must be {FORMS[f'{key} name' if of_name else key]}"
    shown = "" if key == "secretFiles" or inner else f" (is {values.get(key)!r})"
    correction = getattr(detail.get("ctx", {}).get("error"), "correction", None)
    return complaint(
        place,
        message[0].lower() + message[1:] + shown,
        correction,
        [removal(place)] if of_name else (),
    )


def _secret_problem(key: str, value: str) -> str:
    if not value:
        return "is not set"
    return "has fewer than 8 characters" if key == "password" else "holds white space"
