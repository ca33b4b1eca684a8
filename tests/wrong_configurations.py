"""Wrong configurations, one a line: what is set, the key the message must name, words it must hold, the command that
fixes it.

`by` says who refuses: "program" is settings, before any resource is declared; "pulumi" is the engine's own check
of the types in Pulumi.yaml, before the program even starts; its messages name no command, so `fix` is "" there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Wrong:
    """One line of the table; `secret` values are set as secrets, None removes a key of the account."""

    name: str
    values: dict[str, Any]
    key: str
    says: str
    fix: str
    by: str = "program"


SET = "pulumi config set "
WRONG = [
    Wrong("no password", {"password": None}, "password", "is not set", SET + "--secret password"),
    Wrong("empty password", {"password": ""}, "password", "is not set", SET + "--secret password"),
    Wrong("short password", {"password": "hunter2"}, "password", "fewer than 8", SET + "--secret password"),
    Wrong("no token", {"registryToken": None}, "registryToken", "is not set", SET + "--secret registryToken"),
    Wrong(
        "token with a space", {"registryToken": "a b"}, "registryToken", "white space", SET + "--secret registryToken"
    ),
    Wrong(
        "no SSH network", {"sshNetworks": []}, "sshNetworks", "is empty", SET + "--path 'sshNetworks[0]' 203.0.113.7/32"
    ),
    Wrong(
        "network without prefix",
        {"sshNetworks": ["203.0.113.7"]},
        "sshNetworks[0]",
        "203.0.113.7/32",
        SET + "--path 'sshNetworks[0]' 203.0.113.7/32",
    ),
    Wrong(
        "network with host bits",
        {"sshNetworks": ["203.0.113.7/24"]},
        "sshNetworks[0]",
        "203.0.113.0/24",
        SET + "--path 'sshNetworks[0]' 203.0.113.0/24",
    ),
    Wrong(
        "no network at all",
        {"sshNetworks": ["home"]},
        "sshNetworks[0]",
        "is not an IPv4 network",
        SET + "--path 'sshNetworks[0]' 203.0.113.7/32",
    ),
    Wrong(
        "SSH from anywhere",
        {"sshNetworks": ["0.0.0.0/0"]},
        "sshNetworks[0]",
        "whole internet",
        SET + "--path 'sshNetworks[0]' 203.0.113.7/32",
    ),
    Wrong(
        "a network twice",
        {"sshNetworks": ["10.1.0.0/24", "10.1.0.0/24"]},
        "sshNetworks[1]",
        "is there twice",
        "pulumi config rm --path 'sshNetworks[1]'",
    ),
    Wrong(
        "app with capitals",
        {"app": "JupyterLab"},
        "app",
        "must be small letters, digits and hyphens, at most 40, beginning with a letter",
        SET + "app jupyterlab",
    ),
    Wrong(
        "context without Dockerfile",
        {"context": "docker"},
        "context",
        "docker/Dockerfile does not exist",
        SET + "context docker/jupyterlab",
    ),
    Wrong("port of the system", {"port": 80}, "port", "equal to 1024", SET + "port 8888"),
    Wrong("port too high", {"port": 70000}, "port", "65535", SET + "port 8888"),
    Wrong("port in words", {"port": "http"}, "port", "integer", "", by="pulumi"),
    Wrong(
        "environment name",
        {"environment": {"A B": "1"}},
        "environment",
        "must be the name of a variable: letters, digits and _, and no digit at the beginning",
        "pulumi config rm --path 'environment[\"A B\"]'",
    ),
    Wrong(
        "environment value",
        {"environment": {"A": "1\n2"}},
        "environment.A",
        "must be one line",
        SET + "--path environment.A '<value>'",
    ),
    Wrong(
        "environment list",
        {"environment": {"A": [1]}},
        "environment.A",
        "valid string",
        SET + "--path environment.A '<value>'",
    ),
    Wrong(
        "secret file as path",
        {"secretFiles": {"../x": "y"}},
        "secretFiles",
        "must be the name of a file: small letters, digits, dots, hyphens and _",
        "pulumi config rm --path 'secretFiles[\"../x\"]'",
    ),
    Wrong(
        "secret file empty",
        {"secretFiles": {"x": ""}},
        "secretFiles.x",
        "at least 1",
        SET + "--secret --path secretFiles.x",
    ),
    Wrong(
        "data in a system folder", {"dataPath": "/etc/app"}, "dataPath", "folder of its own", SET + "dataPath /jupyter"
    ),
    Wrong(
        "relative data folder",
        {"dataPath": "jupyter"},
        "dataPath",
        "must be an absolute path of letters, digits, dots, hyphens and _",
        SET + "dataPath /jupyter",
    ),
    Wrong(
        "relative health path",
        {"healthPath": "api"},
        "healthPath",
        "must be a path that begins with /, without the host",
        SET + "healthPath /api",
    ),
    Wrong("run as root", {"userId": 0}, "userId", "greater than or equal to 1", SET + "userId 10001"),
    Wrong(
        "app takes all memory", {"appMemoryInGbs": 12}, "appMemoryInGbs", "leave the system", SET + "appMemoryInGbs 11"
    ),
    Wrong(
        "tag with a slash",
        {"imageTag": "v1/0"},
        "imageTag",
        "must be a tag: letters, digits, dots, hyphens and _",
        SET + "imageTag v1.0.0",
    ),
    Wrong(
        "unknown platform",
        {"platforms": ["linux/riscv64"]},
        "platforms[0]",
        "must be linux/arm64 or linux/amd64",
        SET + "--path 'platforms[0]' linux/arm64",
    ),
    Wrong(
        "no Arm",
        {"platforms": ["linux/amd64"]},
        "platforms",
        "lacks linux/arm64",
        SET + "--path 'platforms[0]' linux/arm64",
    ),
    Wrong(
        "no base",
        {"baseImage": ""},
        "baseImage",
        "must be the reference of an image, such as host/name:tag",
        SET + "baseImage ghcr.io/oracle/oraclelinux9-python:3.12",
    ),
    Wrong(
        "host with scheme",
        {"registryHost": "https://x"},
        "registryHost",
        "must be a host name, with :port if it needs one, and without https://",
        SET + "registryHost ocir.eu-frankfurt-1.oci.oraclecloud.com",
    ),
    Wrong(
        "compartment by name",
        {"compartmentId": "mine"},
        "compartmentId",
        "must be an OCID that begins with ocid1.compartment or ocid1.tenancy",
        SET + "compartmentId ocid1.compartment.oc1..example",
    ),
    Wrong("no VCN range", {"vcnCidr": "10.0.0.0"}, "vcnCidr", "has no prefix", SET + "vcnCidr 10.0.0.0/16"),
    Wrong("VCN too large", {"vcnCidr": "10.0.0.0/8"}, "vcnCidr", "/16 to /30", SET + "vcnCidr 10.0.0.0/16"),
    Wrong(
        "subnet elsewhere",
        {"subnetCidr": "10.9.0.0/24"},
        "subnetCidr",
        "not part of vcnCidr",
        SET + "subnetCidr 10.0.0.0/24",
    ),
    Wrong("no way in", {"assignPublicIp": False}, "assignPublicIp", "subnetId", SET + "assignPublicIp true"),
    Wrong(
        "subnet by name",
        {"subnetId": "public"},
        "subnetId",
        "must be an OCID that begins with ocid1.subnet",
        SET + "subnetId ocid1.subnet.oc1.eu-frankfurt-1.example",
    ),
    Wrong(
        "AD by number",
        {"availabilityDomain": "1"},
        "availabilityDomain",
        "must be the full name of an availability domain, such as Uocm:EU-FRANKFURT-1-AD-2",
        SET + "availabilityDomain Uocm:EU-FRANKFURT-1-AD-2",
    ),
    Wrong(
        "unknown system",
        {"operatingSystemVersion": "7"},
        "operatingSystemVersion",
        "must be 8, 9 or 10",
        SET + "operatingSystemVersion 9",
    ),
    Wrong("too many OCPUs", {"ocpus": 99}, "ocpus", "less than or equal to 76", SET + "ocpus 2"),
    Wrong("half an OCPU", {"ocpus": 0.5}, "ocpus", "integer", "", by="pulumi"),
    Wrong("memory below 1 GB per OCPU", {"ocpus": 16}, "memoryInGbs", "16 to 512 GB", SET + "memoryInGbs 96"),
    Wrong("memory above 64 GB per OCPU", {"memoryInGbs": 200}, "memoryInGbs", "2 to 128 GB", SET + "memoryInGbs 128"),
    Wrong(
        "boot volume too small",
        {"bootVolumeSizeInGbs": 20},
        "bootVolumeSizeInGbs",
        "equal to 50",
        SET + "bootVolumeSizeInGbs 50",
    ),
    Wrong(
        "data volume too small",
        {"dataVolumeSizeInGbs": 49},
        "dataVolumeSizeInGbs",
        "equal to 50",
        SET + "dataVolumeSizeInGbs 50",
    ),
    Wrong("boolean in words", {"retainData": "perhaps"}, "retainData", "boolean", "", by="pulumi"),
    Wrong(
        "no key file",
        {"sshPrivateKeyFile": "/none"},
        "sshPrivateKeyFile",
        "does not exist",
        "ssh-keygen -t ed25519 -N '' -f ~/.ssh/oci_app",
    ),
    Wrong(
        "key file is a folder",
        {"sshPrivateKeyFile": "/etc"},
        "sshPrivateKeyFile",
        "cannot be read",
        "ssh-keygen -t ed25519 -N '' -f ~/.ssh/oci_app",
    ),
    Wrong(
        "key file is no key",
        {"sshPrivateKeyFile": "Pulumi.yaml"},
        "sshPrivateKeyFile",
        "is not an SSH",
        "ssh-keygen -t ed25519 -N '' -f ~/.ssh/oci_app",
    ),
    Wrong(
        "extra packages that are not there",
        {"extraRequirements": "extra/none.txt"},
        "extraRequirements",
        "extra/none.txt cannot be read (No such file or directory)",
        "make lock FILE=extra/none.in",
    ),
    Wrong(
        "extra packages that are not locked",
        {"extraRequirements": "docker/jupyterlab/requirements.in"},
        "extraRequirements",
        "is not locked: jupyterlab==",
        "make lock FILE=docker/jupyterlab/requirements.in",
    ),
    Wrong(
        "certificates that are not there",
        {"caBundleFile": "none.pem"},
        "caBundleFile",
        "none.pem cannot be read (No such file or directory)",
        SET + "caBundleFile /etc/ssl/certs/ca-certificates.crt",
    ),
    Wrong(
        "certificates in another format",
        {"caBundleFile": "README.md"},
        "caBundleFile",
        "holds no certificate in PEM format",
        SET + "caBundleFile /etc/ssl/certs/ca-certificates.crt",
    ),
    Wrong(
        "unknown attestation",
        {"attestations": ["provenance", "vex"]},
        "attestations[1]",
        "must be provenance, sbom, or sbom=host/name:tag",
        SET + "--path 'attestations[1]' sbom",
    ),
    Wrong(
        "two attestations of a kind",
        {"attestations": ["sbom", "sbom=host/scanner:1"]},
        "attestations[1]",
        "sbom is there twice",
        "pulumi config rm --path 'attestations[1]'",
    ),
    Wrong(
        "key of an earlier version",
        {"sbomScanner": ""},
        "sbomScanner",
        "use attestations instead",
        "pulumi config rm sbomScanner",
    ),
    Wrong("misspelt key", {"ocpu": 4}, "ocpu", "is not a key", "pulumi config rm ocpu"),
    Wrong(
        "data folder in another form",
        {"dataPath": "/work/../etc"},
        "dataPath",
        "another way to write /etc",
        SET + "dataPath /etc",
    ),
    Wrong(
        "data folder full of the app",
        {"dataPath": "/opt/app"},
        "dataPath",
        "folder of its own",
        SET + "dataPath /jupyter",
    ),
    Wrong(
        "secret variable",
        {"environment": {"HF_TOKEN": "hunter2"}},
        "environment.HF_TOKEN",
        "is a secret, according to its name",
        SET + "--secret --path 'secretFiles.<name>'",
    ),
    Wrong(
        "port given twice",
        {"environment": {"PORT": "1"}},
        "environment.PORT",
        "is set from port",
        "pulumi config rm --path environment.PORT",
    ),
    Wrong(
        "user name with a shell command",
        {"registryUsername": "$(id)"},
        "registryUsername",
        "must be <user> or <domain>/<user>: letters, digits, dots, hyphens, +, @ and _",
        SET + "registryUsername you@example.com",
    ),
    Wrong(
        "a key that is a shell command",
        {"$(id)": "4"},
        "$(id)",
        "is not a key",
        "pulumi config rm '$(id)'",
    ),
    Wrong(
        "SSH from half of the internet",
        {"sshNetworks": ["203.0.113.0/24", "128.0.0.0/1"]},
        "sshNetworks[1]",
        "1/2 of the whole internet",
        SET + "--path 'sshNetworks[1]' 203.0.113.7/32",
    ),
    Wrong(
        "SSH from networks that together are much of the internet",
        {"sshNetworks": [f"{first}.0.0.0/8" for first in (11, 13, 15, 17, 19)]},
        "sshNetworks",
        "as good as the whole internet",
        "pulumi config rm sshNetworks",
    ),
    Wrong(
        "SSH from multicast addresses",
        {"sshNetworks": ["224.0.0.0/8"]},
        "sshNetworks[0]",
        "has multicast addresses",
        SET + "--path 'sshNetworks[0]' 203.0.113.7/32",
    ),
    Wrong(
        "SSH from the instance's containers",
        {"sshNetworks": ["10.88.1.0/24"]},
        "sshNetworks[0]",
        "own network of containers",
        SET + "--path 'sshNetworks[0]' 203.0.113.7/32",
    ),
    Wrong(
        "VCN among the instance's containers",
        {"vcnCidr": "10.88.0.0/16", "subnetCidr": "10.88.0.0/24"},
        "vcnCidr",
        "overlaps 10.88.0.0/16",
        SET + "vcnCidr 10.0.0.0/16",
    ),
    Wrong(
        "VCN among the metadata service's addresses",
        {"vcnCidr": "169.254.0.0/16", "subnetCidr": "169.254.0.0/24"},
        "vcnCidr",
        "metadata service",
        SET + "vcnCidr 10.0.0.0/16",
    ),
    Wrong(
        "key file in nobody's home",
        {"sshPrivateKeyFile": "~nobody-of-this-name/key"},
        "sshPrivateKeyFile",
        "a user without a home folder",
        SET + "sshPrivateKeyFile '~/.ssh/id_ed25519'",
    ),
    Wrong(
        "folder with a name that is too long",
        {"context": "x" * 300},
        "context",
        "longer than the file system allows",
        SET + "context docker/jupyterlab",
    ),
    Wrong(
        "file with a name that no file has",
        {"caBundleFile": "a\0b"},
        "caBundleFile",
        "is not the name of a file (is 'a\\x00b')",
        SET + "caBundleFile /etc/ssl/certs/ca-certificates.crt",
    ),
    Wrong(
        "extra packages in a folder",
        {"extraRequirements": "/"},
        "extraRequirements",
        "cannot be read (Is a directory)",
        "make lock FILE=/.in",
    ),
    Wrong(
        "extra packages in a shell command",
        {"extraRequirements": "$(shell id).txt"},
        "extraRequirements",
        "must be a path of letters",
        SET + "extraRequirements extra/requirements.txt",
    ),
    Wrong("tag of the cache", {"imageTag": "cache"}, "imageTag", "a tag of the build cache", SET + "imageTag v1.0.0"),
    Wrong(
        "host that is an option",
        {"registryHost": "-x"},
        "registryHost",
        "must be a host name",
        SET + "registryHost ocir.eu-frankfurt-1.oci.oraclecloud.com",
    ),
    Wrong(
        "memory that no A1 has",
        {"ocpus": 76, "memoryInGbs": 513},
        "memoryInGbs",
        "less than or equal to 512",
        SET + "memoryInGbs 12",
    ),
    Wrong(
        "subnet of another realm",
        {"subnetId": "ocid1.subnet.oc2..mine"},
        "subnetId",
        "is in the realm oc2, and your tenancy in oc1",
        SET + "subnetId '<OCID>'",
    ),
    Wrong(
        "image of another region",
        {"imageId": "ocid1.image.oc1.us-phoenix-1.mine"},
        "imageId",
        "is in the region us-phoenix-1",
        SET + "imageId '<OCID>'",
    ),
    Wrong(
        "AD in digits of another script",
        {"availabilityDomain": "Uocm:EU-FRANKFURT-1-AD-٢"},
        "availabilityDomain",
        "must be the full name of an availability domain",
        SET + "availabilityDomain Uocm:EU-FRANKFURT-1-AD-2",
    ),
]
