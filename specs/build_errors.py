"""Explains why an image could not be built or pushed: the key, what is wrong, the command that fixes it.

The patterns quote BuildKit 0.31, buildx 0.35, containerd (core/remotes/docker) and pulumi-docker-build 0.0.22.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass

from specs.errors import set_command
from specs.shell import printable, quoted


@dataclass(frozen=True)
class Build:
    """What was built: `registry_host`, the user name of its login, buildx builder ("" is the current one), value of baseImage, scanner
    of the SBOM ("" for none), folder of the Dockerfile, "linux/<architecture>" ("" for an index of several).
    """

    registry_host: str
    username: str
    builder: str
    base_image: str
    sbom_scanner: str
    context: str
    platform: str = ""


@dataclass(frozen=True)
class Case:
    """One kind of error. `pattern`: in it HOST is the registry's host; its group `image` is the image of a FROM, or the scanner.
    `problem` and `commands`: templates of `words` and of the pattern's groups.
    """

    pattern: str
    problem: str
    commands: tuple[str, ...]


def ended(code: int | str) -> str:
    """The pattern of a step with this exit code, of sysexits.h in docker/shared/python: the plugin drops the log of a failed step."""
    return rf"did not complete successfully: exit code: {code}\b"


REFUSED = (
    r"(?i:\b401\b|\b403\b|unauthorized|forbidden|(?<!permission )denied"
    r"|authorization failed|insufficient_scope|no basic auth credentials)"
)
UNREACHABLE = (
    r"(connection refused|connection reset by peer|connection timed out|broken pipe|i/o timeout|TLS handshake timeout"
    r"|no such host|no route to host|network is unreachable|server misbehaving|context deadline exceeded|\bEOF$)"
)
UNTRUSTED = r"(x509: |certificate signed by unknown authority|failed to verify certificate)"
# A registry answers with a status and perhaps with codes, which containerd writes in small letters and with blanks (sources: containerd,
# core/remotes/docker/errcode.go; OCI Distribution Specification, "Error Codes").
ANSWER = r"(?:request to \S+: |HTTP status: |HTTP )"
FAILING = rf"({ANSWER}(5\d\d|429)\b|unknown: unknown error|toomanyrequests|\bunavailable: )"
GONE = r"(\b(blob|manifest|blob upload|name) unknown\b|^(creating|reading): .*not found$)"
NOT_TAKEN = rf"({ANSWER}4\d\d\b|(manifest|digest|size|name|tag|blob upload) invalid\b|\bunsupported: )"
# BuildKit's first words about anything that happens while it looks for the image of a FROM, or for the scanner.
OF_BASE = r"failed to resolve source metadata for (?P<image>\S+?): .*"
ANOTHER_BASE = set_command("baseImage", "ghcr.io/oracle/oraclelinux9-python:3.12")
WITHOUT_ATTESTATIONS = "pulumi config rm attestations"
SHOW_BASE = "docker buildx imagetools inspect {image}"
# Keeps the lines of all steps, which an interactive `up` removes.
SHOW_LINES = "pulumi up --yes --skip-preview --non-interactive"
AGAIN = "pulumi up"

# The first that matches counts.
CASES = (
    Case(
        r"no builder \"(?P<name>[^\"]+)\" found",
        "builder: this machine has no buildx builder with the name {name}",
        ("docker buildx ls", "pulumi config set builder <a name from that list>"),
    ),
    Case(
        r"^context deadline exceeded$|failed to connect to the docker API|Cannot connect to the Docker daemon"
        r"|no valid drivers found|failed to find driver|code = Unavailable|booting builder:",
        "builder: {the_builder} does not answer: its daemon is down, or stopped during the build",
        ("docker buildx inspect --bootstrap{of_builder}", AGAIN),
    ),
    Case(
        r"buildkit is not supported on this host",
        "builder: Docker on this machine has no BuildKit. Either DOCKER_BUILDKIT=0 is set, or `docker` is podman; "
        "https://docs.docker.com/engine/install shows how to install Docker with buildx",
        ("unset DOCKER_BUILDKIT", "docker buildx version"),
    ),
    Case(
        rf"no space left on device|disk quota exceeded|{ended(os.EX_IOERR)}",
        "builder: the disk of {the_builder} is full",
        ("docker buildx prune{for_builder}", AGAIN),
    ),
    Case(
        r"is not supported for the docker driver",
        "builder: {the_builder} is Docker's own without the containerd image store. It can neither keep a cache in the registry nor "
        "build for several platforms",
        ("docker buildx create --name containerised --bootstrap", "pulumi config set builder containerised"),
    ),
    Case(
        OF_BASE + r"no match for platform in manifest|lint violation found for rules: .*InvalidBaseImagePlatform",
        "{key}: {image} does not exist for {platform}",
        (SHOW_BASE, "{another}"),
    ),
    Case(
        r"HOST.*" + REFUSED,
        "registryToken: the registry {registry_host} refuses the login of {username}. The token is wrong or revoked, the user has "
        "another name there (federated users: <domain>/<user>), or no policy allows the push",
        ("pulumi config set --secret registryToken", "pulumi config set registryUsername <name>"),
    ),
    Case(
        OF_BASE + f"({REFUSED}|not found)",
        "{key}: {image} does not exist, or its registry requires a login",
        (SHOW_BASE, "{another}"),
    ),
    # Trust before what is unreachable: both name the request
    Case(
        r"^(creating|reading): .*" + UNTRUSTED,
        "registryHost: this machine does not trust the certificate of {registry_host}. Add its CA to the system's, or name a file with "
        "it in SSL_CERT_FILE",
        ("SSL_CERT_FILE=<file> pulumi up",),
    ),
    Case(
        r"(https://(?P<host>[^/\"]+).*)?" + UNTRUSTED,
        "builder: {the_builder} does not trust the certificate of {host}. A private CA signed it, or a proxy that inspects TLS. "
        'Name the CA in the configuration of a builder (buildkitd.toml: [registry."{host}"] ca = ["<file>"])',
        (
            "docker buildx create --name trusting --buildkitd-config buildkitd.toml --bootstrap",
            "pulumi config set builder trusting",
        ),
    ),
    Case(
        r"HOST.*server gave HTTP response to HTTPS client",
        "registryHost: {registry_host} speaks plain HTTP; use a registry with TLS",
        (set_command("registryHost", "ocir.eu-frankfurt-1.oci.oraclecloud.com"),),
    ),
    Case(
        OF_BASE + UNREACHABLE,
        "{key}: {the_builder} does not reach the registry of {image}",
        (SHOW_BASE, "{another}"),
    ),
    Case(
        r"HOST.*" + UNREACHABLE,
        "registryHost: the registry {registry_host} cannot be reached, or the connection broke",
        ("curl --head https://{registry_host}/v2/", AGAIN),
    ),
    Case(
        OF_BASE + rf"({FAILING}|{ANSWER}4\d\d\b)",
        "{key}: the registry of {image} failed, or limits the requests from this address; the first command shows its answer",
        (SHOW_BASE, AGAIN),
    ),
    Case(
        r"httpReadSeeker: failed open: .*https://(?P<host>[^/\s]+)/",
        "baseImage: the registry {host} does not deliver a layer of a base image",
        (AGAIN, ANOTHER_BASE),
    ),
    Case(
        GONE,
        "registryHost: the registry {registry_host} no longer has a layer, an image or the repository that the push needs. Somebody or a "
        "retention policy deleted it, or two pushes ran at the same time",
        ("pulumi up --refresh",),
    ),
    Case(
        rf"{ANSWER}409\b",
        "registryHost: the registry {registry_host} does not replace this tag: its tags are immutable, or another push of it runs",
        (AGAIN, "pulumi config set imageTag <another tag>"),
    ),
    Case(
        FAILING,
        "registryHost: the registry {registry_host} failed during the push; it is broken, overloaded or full. The next push only sends "
        "what is missing",
        (AGAIN,),
    ),
    Case(
        NOT_TAKEN,
        "registryHost: the registry {registry_host}, or a proxy before it, refuses the format or the size of the image. Some registries "
        "refuse attestations; the first command removes them, the second shows the last request",
        (WITHOUT_ATTESTATIONS, SHOW_LINES),
    ),
    Case(
        ended(os.EX_CONFIG),
        "baseImage: {base_image} has no Python that can install the packages",
        (ANOTHER_BASE, SHOW_LINES),
    ),
    Case(
        ended(os.EX_DATAERR),
        "context: a locked package of {context} does not exist for {platform} or another of the platforms; this shows which",
        (SHOW_LINES,),
    ),
    Case(
        ended(os.EX_UNAVAILABLE),
        "builder: {the_builder} does not reach the package index, or does not trust its certificate; the first command shows which. If "
        "a proxy inspects TLS, the second makes the build trust the proxy's CA",
        (SHOW_LINES, "pulumi config set caBundleFile <file>"),
    ),
    Case(
        ended(137),
        "builder: a step of {context}/Dockerfile was killed; most likely {the_builder} has too little memory",
        ("docker buildx inspect{of_builder}", SHOW_LINES),
    ),
    Case(
        ended(r"\d+"),
        'context: a step of {context}/Dockerfile failed; this shows its output. "exec format error" means that the step runs on '
        "{platform}, which the builder cannot run: start its stage with FROM --platform=$BUILDPLATFORM",
        (SHOW_LINES,),
    ),
)


def explain(errors: Iterable[str], build: Build) -> str:
    """The explanation of `errors`, newest first, of one image or index; "" if no case matches."""
    for error in errors:
        for case in CASES:
            if found := match(case, error, build.registry_host):
                groups = {name: value for name, value in found.groupdict().items() if value}
                values = {**words(build, groups.get("image", build.base_image)), **groups}
                # A registry or a Dockerfile may have chosen these.
                in_shell = values | {name: quoted(values[name]) for name in ("image", "registry_host")}
                commands = (f"    {command.format_map(in_shell)}" for command in case.commands)
                return "\n".join([printable(case.problem.format_map(values)), *commands])
    return ""


def match(case: Case, error: str, registry_host: str) -> re.Match[str] | None:
    """The match of a case in an error."""
    return re.search(case.pattern.replace("HOST", re.escape(registry_host)), error, re.DOTALL)


def words(build: Build, image: str) -> dict[str, str]:
    """The names in the templates of the cases. `image`: the base or the scanner that the error is about."""
    # BuildKit puts a host before a name without one.
    is_scanner = bool(build.sbom_scanner) and image.endswith(build.sbom_scanner)
    key = "baseImage" if image == build.base_image else f"{build.context}/Dockerfile"
    return {
        "registry_host": build.registry_host,
        "host": build.registry_host,
        "username": build.username,
        "base_image": build.base_image,
        "context": build.context,
        "platform": build.platform or "every platform",
        "the_builder": f"the builder {build.builder}" if build.builder else "the current builder",
        "of_builder": f" {build.builder}" if build.builder else "",
        "for_builder": f" --builder {build.builder}" if build.builder else "",
        "image": image,
        "key": "attestations" if is_scanner else key,
        "another": WITHOUT_ATTESTATIONS if is_scanner else ANOTHER_BASE,
    }
