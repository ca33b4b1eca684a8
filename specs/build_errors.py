"""What a person is told when an image could not be built or pushed: which thing it was, what is wrong, the command that mends it.

BuildKit, buildx and the registry say what they saw, in their own words (sources: moby/buildkit 0.31, docker/buildx 0.35, containerd
core/remotes/docker, pulumi-docker-build 0.0.22). What they say is shown as well; this only adds to it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from specs.errors import set_command
from specs.shell import printable, quoted

NO_PYTHON, NO_PACKAGES, NO_INDEX, NO_SPACE = 78, 65, 69, 74
"""Exit codes by which a step of the build says more than that it failed (sysexits.h: EX_CONFIG, EX_DATAERR, EX_UNAVAILABLE,
EX_IOERR): the base has no usable Python; a package cannot be had as it is locked; the package index does not answer; the disk is
full. Of a failed step nothing else is in the error: the plugin drops the log of the build (pulumi-docker-build 0.0.22)."""


@dataclass(frozen=True)
class Build:
    """What was to be built: `registry_host`, its login's user name, buildx builder ("" is the current one), value of baseImage,
    the SBOM's scanner ("" for none), folder with the Dockerfile, "linux/<architecture>" ("" for an index of several).
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
    """One thing that goes wrong. `pattern`: of the error, in which HOST stands for the registry's host; an `image` it names is the
    one a Dockerfile builds on, or the scanner. `problem` and `commands`: templates of `words` and of the pattern's names.
    """

    pattern: str
    problem: str
    commands: tuple[str, ...]


REFUSED = (
    r"(?i:\b401\b|\b403\b|unauthorized|forbidden|(?<!permission )denied"
    r"|authorization failed|insufficient_scope|no basic auth credentials)"
)
UNREACHABLE = (
    r"(connection refused|connection reset by peer|connection timed out|broken pipe|i/o timeout|TLS handshake timeout"
    r"|no such host|no route to host|network is unreachable|server misbehaving|context deadline exceeded|\bEOF$)"
)
UNTRUSTED = r"(x509: |certificate signed by unknown authority|failed to verify certificate)"
# A registry answers with a status, and perhaps with codes, which containerd writes in small letters and with blanks (sources: containerd,
# core/remotes/docker/errcode.go; OCI Distribution Specification, "Error Codes").
ANSWER = r"(?:request to \S+: |HTTP status: |HTTP )"
FAILING = rf"({ANSWER}(5\d\d|429)\b|unknown: unknown error|toomanyrequests|\bunavailable: )"
GONE = r"(\b(blob|manifest|blob upload|name) unknown\b|^(creating|reading): .*not found$)"
CONFLICT = rf"{ANSWER}409\b"
NOT_TAKEN = rf"({ANSWER}4\d\d\b|(manifest|digest|size|name|tag|blob upload) invalid\b|\bunsupported: )"
# How BuildKit begins whatever happens while it looks for the image of a FROM, or for the scanner.
OF_BASE = r"failed to resolve source metadata for (?P<image>\S+?): .*"
ANOTHER_BASE = set_command("baseImage", "ghcr.io/oracle/oraclelinux9-python:3.12")
WITHOUT_ATTESTATIONS = "pulumi config rm attestations"
SHOW_BASE = "docker buildx imagetools inspect {image}"
# All lines of all steps; else they are gone when the error is shown.
SHOW_LINES = "pulumi up --yes --skip-preview --non-interactive"
AGAIN = "pulumi up"

CASES = (
    # --- the builder
    Case(
        r"no builder \"(?P<name>[^\"]+)\" found",
        "builder: this machine has no buildx builder of the name {name}",
        ("docker buildx ls", "pulumi config set builder <a name from that list>"),
    ),
    Case(
        r"^context deadline exceeded$|failed to connect to the docker API|Cannot connect to the Docker daemon"
        r"|no valid drivers found|failed to find driver|code = Unavailable|booting builder:",
        "builder: {the_builder} does not answer; its daemon is down, or was ended during the build",
        ("docker buildx inspect --bootstrap{of_builder}", AGAIN),
    ),
    Case(
        r"buildkit is not supported on this host",
        "builder: Docker on this machine has no BuildKit: DOCKER_BUILDKIT=0 is set, or it is podman in Docker's place; "
        "https://docs.docker.com/engine/install tells how to get Docker with buildx",
        ("unset DOCKER_BUILDKIT", "docker buildx version"),
    ),
    Case(
        rf"no space left on device|disk quota exceeded|did not complete successfully: exit code: {NO_SPACE}\b",
        "builder: the disk of {the_builder} is full",
        ("docker buildx prune{for_builder}", AGAIN),
    ),
    Case(
        r"is not supported for the docker driver",
        "builder: {the_builder} is Docker's own without its containerd image store, and can neither keep a cache in the registry nor "
        "build for several platforms",
        ("docker buildx create --name containerised --bootstrap", "pulumi config set builder containerised"),
    ),
    # --- the base image
    Case(
        OF_BASE + r"no match for platform in manifest|lint violation found for rules: .*InvalidBaseImagePlatform",
        "{key}: {image} does not exist for {platform}",
        (SHOW_BASE, "{another}"),
    ),
    Case(
        r"HOST.*" + REFUSED,
        "registryToken: the registry {registry_host} refuses the login of {username}. The token is wrong or revoked, the user has "
        "another name there (federated users: <domain>/<user>), or no policy lets them push",
        ("pulumi config set --secret registryToken", "pulumi config set registryUsername <name>"),
    ),
    Case(
        OF_BASE + r"(\b429\b|toomanyrequests)",
        "{key}: the registry of {image} takes no more requests from this address for a while",
        (AGAIN, "{another}"),
    ),
    Case(
        OF_BASE + f"({REFUSED}|not found)",
        "{key}: {image} does not exist, or its registry shows it only to who logs in there",
        (SHOW_BASE, "{another}"),
    ),
    # --- trust; before what is unreachable, since both name the request
    Case(
        r"^(creating|reading): .*" + UNTRUSTED,
        "registryHost: this machine does not trust the certificate of {registry_host}; its CA must be among the system's, or in "
        "the file that SSL_CERT_FILE names",
        ("SSL_CERT_FILE=<file> pulumi up",),
    ),
    Case(
        r"(https://(?P<host>[^/\"]+).*)?" + UNTRUSTED,
        "builder: {the_builder} does not trust the certificate of {host}: it is of a private CA, or of a proxy that inspects TLS. "
        'A builder has a trust of its own, for registries (buildkitd.toml: [registry."{host}"] ca = ["<file>"]); '
        "what the build downloads it trusts by the base image",
        (
            "docker buildx create --name trusting --buildkitd-config buildkitd.toml --bootstrap",
            "pulumi config set builder trusting",
        ),
    ),
    # --- the registry
    Case(
        r"HOST.*server gave HTTP response to HTTPS client",
        "registryHost: {registry_host} speaks plain HTTP; a registry with TLS is needed",
        (set_command("registryHost", "ocir.eu-frankfurt-1.oci.oraclecloud.com"),),
    ),
    Case(
        OF_BASE + UNREACHABLE,
        "{key}: {the_builder} does not reach the registry of {image}",
        (SHOW_BASE, "{another}"),
    ),
    Case(
        r"HOST.*" + UNREACHABLE,
        "registryHost: the registry {registry_host} cannot be reached, or broke off",
        ("curl --head https://{registry_host}/v2/", AGAIN),
    ),
    Case(
        OF_BASE + rf"({FAILING}|{ANSWER}4\d\d\b)",
        "{key}: the registry of {image} failed or refused the request; the first command shows its own words",
        (SHOW_BASE, AGAIN),
    ),
    Case(
        r"httpReadSeeker: failed open: .*https://(?P<host>[^/\s]+)/",
        "baseImage: the registry {host} does not hand out a layer of an image that this one builds on",
        (AGAIN, ANOTHER_BASE),
    ),
    Case(
        GONE,
        "registryHost: the registry {registry_host} no longer has a layer, an image or the repository that the push needs; somebody or a "
        "retention policy deleted it, or two pushes met",
        ("pulumi up --refresh",),
    ),
    Case(
        CONFLICT,
        "registryHost: the registry {registry_host} keeps what it has under this tag, which may not be overwritten, or which somebody else "
        "pushes just now",
        (AGAIN, "pulumi config set imageTag <another tag>"),
    ),
    Case(
        FAILING,
        "registryHost: the registry {registry_host} failed while it took the image; it is out of order, overloaded or full. "
        "What it has taken already is not sent again",
        (AGAIN,),
    ),
    Case(
        NOT_TAKEN,
        "registryHost: the registry {registry_host}, or a proxy before it, does not take the image in this form or of this size. Some "
        "registries refuse attestations, which the first command removes; the second shows what was sent last",
        (WITHOUT_ATTESTATIONS, SHOW_LINES),
    ),
    # --- a step of the Dockerfile
    Case(
        rf"did not complete successfully: exit code: {NO_PYTHON}\b",
        "baseImage: {base_image} has no Python with which the packages could be installed",
        (ANOTHER_BASE, SHOW_LINES),
    ),
    Case(
        rf"did not complete successfully: exit code: {NO_PACKAGES}\b",
        "context: a package of {context} cannot be had as it is locked, for {platform} or another of the platforms; this tells which",
        (SHOW_LINES,),
    ),
    Case(
        rf"did not complete successfully: exit code: {NO_INDEX}\b",
        "builder: the package index does not answer {the_builder}, or its certificate is not trusted there; the first command tells "
        "which. A proxy that inspects TLS has a CA certificate of its own, which the second lets the build trust",
        (SHOW_LINES, "pulumi config set caBundleFile <file>"),
    ),
    Case(
        r"did not complete successfully: exit code: 137\b",
        "builder: a step of {context}/Dockerfile was killed; {the_builder} has too little memory, most likely",
        ("docker buildx inspect{of_builder}", SHOW_LINES),
    ),
    Case(
        r"did not complete successfully: exit code: ",
        'context: a step of {context}/Dockerfile failed; this shows its output ("exec format error": the step runs on '
        "{platform}, which the builder is not; let it run FROM --platform=$BUILDPLATFORM)",
        (SHOW_LINES,),
    ),
)
"""The first that fits is told."""


def explain(errors: Iterable[str], build: Build) -> str:
    """What to tell about `errors`, newest first, of one image or index; "" when nothing is known beyond them."""
    for error in errors:
        case, named = recognise(error, build.registry_host)
        if case:
            known = {**words(build, named.get("image", build.base_image)), **named}
            # What these are may be the registry's or a Dockerfile's word.
            words_of_shell = known | {name: quoted(known[name]) for name in ("image", "registry_host")}
            commands = (f"    {command.format_map(words_of_shell)}" for command in case.commands)
            return "\n".join([printable(case.problem.format_map(known)), *commands])
    return ""


def recognise(error: str, registry_host: str) -> tuple[Case | None, dict[str, str]]:
    """The case that an error is, and what its pattern's names stand for."""
    for case in CASES:
        found = re.search(case.pattern.replace("HOST", re.escape(registry_host)), error, re.DOTALL)
        if found:
            return case, {name: value for name, value in found.groupdict().items() if value}
    return None, {}


def words(build: Build, image: str) -> dict[str, str]:
    """What the templates of the cases may name; `image`: the base or scanner that the error is about."""
    # BuildKit gives a name its host when it has none.
    is_scanner = bool(build.sbom_scanner) and image.endswith(build.sbom_scanner)
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
        "key": "attestations"
        if is_scanner
        else "baseImage"
        if image == build.base_image
        else f"{build.context}/Dockerfile",
        "another": WITHOUT_ATTESTATIONS if is_scanner else ANOTHER_BASE,
    }
