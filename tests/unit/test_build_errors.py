"""Explanations of builds and pushes that fail. BuildKit 0.31, buildx 0.35 and docker-registry 2.8 printed most of these errors; those of
other registries and daemons follow their sources.
"""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from specs.build_errors import CASES, Build, explain, match

HOST = "registry.example"
BASE = "base.example/python:3"
SCANNER = "docker/scanner:stable-1"
BUILD = Build(HOST, "ns/me@example.com", "arm", BASE, SCANNER, "docker/app", "linux/arm64")
SHA = "sha256:2f67bc059c3d119d1a1c295b426805bc9ef2a4393de811d822ed4992f7215acf"
RESOLVE = f"failed to solve: {BASE}: failed to resolve source metadata for {BASE}: "
OURS = f"failed to solve: {HOST}/ns/base:3: failed to resolve source metadata for {HOST}/ns/base:3: "
REQUEST = 'failed to do request: Head "https://base.example/v2/python/manifests/3": '
PUSH = f"failed to solve: failed to push {HOST}/ns/app:v1-arm64: "
PUSH_REQUEST = f'{PUSH}failed to do request: Head "https://{HOST}/v2/ns/app/blobs/{SHA}": '
PUSH_MANIFEST = f"{PUSH}unexpected status from PUT request to https://{HOST}/v2/ns/app/manifests/v1-arm64: "
STEP = 'failed to solve: process "/bin/sh -c /python/with-python x.py" did not complete successfully: exit code: '
UNTRUSTED = "tls: failed to verify certificate: x509: certificate signed by unknown authority"

BUILDER_DOWN = "builder: the builder arm does not answer"
REFUSED = f"registryToken: the registry {HOST} refuses the login of ns/me@example.com"
TOKEN = "pulumi config set --secret registryToken"
REGISTRY_FAILED = f"registryHost: the registry {HOST} failed during the push"
GONE = f"registryHost: the registry {HOST} no longer has a layer, an image or the repository"
NOT_TAKEN = f"registryHost: the registry {HOST}, or a proxy before it, refuses the format or the size of the image"
REGISTRY_AWAY = f"registryHost: the registry {HOST} cannot be reached"
NO_BASE = f"baseImage: {BASE} does not exist, or"
INSPECT = f"docker buildx imagetools inspect {BASE}"
LINES = "pulumi up --yes --skip-preview --non-interactive"

EXPLAINED = [
    (
        "Cache export is not supported for the docker driver.\nSwitch to a different driver, or turn on the containerd image store, "
        "and try again.",
        "builder: the builder arm is Docker's own without the containerd image store",
        "pulumi config set builder containerised",
    ),
    (
        f"failed to solve: failed to resolve source metadata for docker.io/{SCANNER}: docker.io/{SCANNER}: not found",
        f"attestations: docker.io/{SCANNER} does not exist",
        "pulumi config rm attestations",
    ),
    (
        'new builder: no builder "arm" found',
        "builder: this machine has no buildx builder with the name arm",
        "docker buildx ls",
    ),
    ("context deadline exceeded", BUILDER_DOWN, "docker buildx inspect --bootstrap arm"),
    (
        "no valid drivers found: failed to connect to the docker API at unix:///var/run/docker.sock; check if the path is correct and "
        "if the daemon is running: dial unix /var/run/docker.sock: connect: no such file or directory",
        BUILDER_DOWN,
        "docker buildx inspect --bootstrap arm",
    ),
    (
        "failed to receive status: rpc error: code = Unavailable desc = error reading from server: EOF",
        BUILDER_DOWN,
        "pulumi up",
    ),
    (
        "buildkit is not supported on this host",
        "builder: Docker on this machine has no BuildKit",
        "unset DOCKER_BUILDKIT",
    ),
    (
        "failed to solve: ResourceExhausted: failed to compute cache key: mount callback failed on /tmp/containerd-mount2314692621: "
        "write /tmp/containerd-mount2314692621/usr/bin/bash: no space left on device",
        "builder: the disk of the builder arm is full",
        "docker buildx prune --builder arm",
    ),
    (f"{STEP}{os.EX_IOERR}", "builder: the disk of the builder arm is full", "docker buildx prune --builder arm"),
    # The platform
    (
        f"{RESOLVE}no match for platform in manifest: not found",
        f"baseImage: {BASE} does not exist for linux/arm64",
        INSPECT,
    ),
    (
        "failed to solve: lint violation found for rules: InvalidBaseImagePlatform",
        f"baseImage: {BASE} does not exist for linux/arm64",
        INSPECT,
    ),
    # The login
    (
        f"{PUSH}unexpected status from HEAD request to https://{HOST}/v2/ns/app/blobs/{SHA}: 401 Unauthorized",
        REFUSED,
        TOKEN,
    ),
    (
        f"{PUSH}unexpected status from POST request to https://{HOST}/v2/ns/app/blobs/uploads/: 403 Forbidden",
        REFUSED,
        TOKEN,
    ),
    (
        f"{PUSH}push access denied, repository does not exist or may require authorization: authorization failed: no basic auth "
        "credentials",
        REFUSED,
        TOKEN,
    ),
    (
        f"{PUSH}failed to authorize: failed to fetch oauth token: unexpected status from GET request to "
        f"https://{HOST}/20180419/docker/token?service={HOST}: 401 Unauthorized",
        REFUSED,
        TOKEN,
    ),
    (
        f"creating: unexpected status from HEAD request to https://{HOST}/v2/ns/app/manifests/{SHA}: 401 Unauthorized",
        REFUSED,
        TOKEN,
    ),
    (
        f"{OURS}unexpected status from HEAD request to https://{HOST}/v2/ns/base/manifests/3: 401 Unauthorized",
        REFUSED,
        TOKEN,
    ),
    # The base
    (f"{RESOLVE}{BASE}: not found", NO_BASE, INSPECT),
    (
        f"{RESOLVE}unexpected status from HEAD request to https://base.example/v2/python/manifests/3: 403 Forbidden",
        NO_BASE,
        INSPECT,
    ),
    (
        f"{RESOLVE}pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: "
        "authorization failed",
        NO_BASE,
        INSPECT,
    ),
    (
        f"{RESOLVE}unexpected status from HEAD request to https://base.example/v2/python/manifests/3: 429 Too Many Requests",
        f"baseImage: the registry of {BASE} failed, or limits the requests",
        "pulumi up",
    ),
    (
        f"{RESOLVE}{REQUEST}dial tcp: lookup base.example on 10.0.0.53:53: no such host",
        f"baseImage: the builder arm does not reach the registry of {BASE}",
        INSPECT,
    ),
    (
        f"{RESOLVE}{REQUEST}dial tcp 192.0.2.9:443: connect: no route to host",
        f"baseImage: the builder arm does not reach the registry of {BASE}",
        INSPECT,
    ),
    (
        f"{RESOLVE}unexpected status from HEAD request to https://base.example/v2/python/manifests/3: 502 Bad Gateway",
        f"baseImage: the registry of {BASE} failed",
        "pulumi up",
    ),
    (
        f"{RESOLVE}unexpected status from HEAD request to https://base.example/v2/python/manifests/3: 400 Bad Request",
        f"baseImage: the registry of {BASE} failed",
        "pulumi up",
    ),
    # Trust
    (
        f"{RESOLVE}{REQUEST}{UNTRUSTED}",
        "builder: the builder arm does not trust the certificate of base.example",
        "pulumi config set builder trusting",
    ),
    (
        f"{PUSH_REQUEST}{UNTRUSTED}",
        f"builder: the builder arm does not trust the certificate of {HOST}",
        "pulumi config set builder trusting",
    ),
    (
        f'creating: failed to do request: Head "https://{HOST}/v2/ns/app/manifests/{SHA}": {UNTRUSTED}',
        f"registryHost: this machine does not trust the certificate of {HOST}",
        "SSL_CERT_FILE=<file> pulumi up",
    ),
    # The registry
    (f"{PUSH}unknown: unknown error", REGISTRY_FAILED, "pulumi up"),
    ("failed to solve: error writing config blob: unknown: unknown error", REGISTRY_FAILED, "pulumi up"),
    (
        f"{PUSH}unexpected status from PUT request to https://{HOST}/v2/ns/app/blobs/uploads/1: 503 Service Unavailable",
        REGISTRY_FAILED,
        "pulumi up",
    ),
    (
        f"{PUSH}unexpected status from PUT request to https://{HOST}/v2/ns/app/blobs/uploads/1: 507 Insufficient Storage",
        REGISTRY_FAILED,
        "pulumi up",
    ),
    (f"{PUSH_MANIFEST}504 Gateway Timeout", REGISTRY_FAILED, "pulumi up"),
    (f"{PUSH_MANIFEST}520 ", REGISTRY_FAILED, "pulumi up"),
    (f"{PUSH_MANIFEST}429 Too Many Requests\ntoomanyrequests: too many requests", REGISTRY_FAILED, "pulumi up"),
    (f"{PUSH_MANIFEST}400 Bad Request\nmanifest blob unknown: blob unknown to registry", GONE, "pulumi up --refresh"),
    (f"{PUSH}blob unknown: blob unknown to registry", GONE, "pulumi up --refresh"),
    (f"{PUSH}name unknown: repository name not known to registry", GONE, "pulumi up --refresh"),
    (f"creating: {HOST}/ns/app@{SHA}: not found", GONE, "pulumi up --refresh"),
    (
        f"{PUSH_MANIFEST}409 Conflict",
        f"registryHost: the registry {HOST} does not replace this tag",
        "pulumi config set imageTag <another tag>",
    ),
    (f"{PUSH_MANIFEST}400 Bad Request", NOT_TAKEN, "pulumi config rm attestations"),
    (f"{PUSH}manifest invalid: unknown media type", NOT_TAKEN, LINES),
    (f"creating: {PUSH_MANIFEST}415 Unsupported Media Type", NOT_TAKEN, "pulumi config rm attestations"),
    ("failed to solve: error writing layer blob: error parsing HTTP 413 response body: x", NOT_TAKEN, LINES),
    (
        f"failed to solve: failed to copy: httpReadSeeker: failed open: unexpected status from GET request to "
        f"https://base.example/v2/python/blobs/{SHA}: 503 Service Unavailable",
        "baseImage: the registry base.example does not deliver a layer",
        "pulumi up",
    ),
    (
        f"{PUSH_REQUEST}dial tcp 192.0.2.1:443: connect: no route to host",
        REGISTRY_AWAY,
        f"curl --head https://{HOST}/v2/",
    ),
    (f"{PUSH_REQUEST}dial tcp 192.0.2.1:443: connect: connection refused", REGISTRY_AWAY, "pulumi up"),
    (
        f"{PUSH_REQUEST}read tcp 10.0.0.2:4711->192.0.2.1:443: read: connection reset by peer",
        REGISTRY_AWAY,
        "pulumi up",
    ),
    (f"{PUSH_REQUEST}net/http: TLS handshake timeout", REGISTRY_AWAY, "pulumi up"),
    (f"{PUSH_REQUEST}EOF", REGISTRY_AWAY, "pulumi up"),
    (f"{PUSH_REQUEST}context deadline exceeded", REGISTRY_AWAY, "pulumi up"),
    (
        f"{PUSH_REQUEST}http: server gave HTTP response to HTTPS client",
        f"registryHost: {HOST} speaks plain HTTP",
        "pulumi config set registryHost ocir.eu-frankfurt-1.oci.oraclecloud.com",
    ),
    # A step of the Dockerfile
    (f"{STEP}{os.EX_CONFIG}", f"baseImage: {BASE} has no Python", LINES),
    (f"{STEP}{os.EX_DATAERR}", "context: a locked package of docker/app does not exist for linux/arm64", LINES),
    (f"{STEP}{os.EX_UNAVAILABLE}", "builder: the builder arm does not reach the package index", LINES),
    (
        f"{STEP}137",
        "builder: a step of docker/app/Dockerfile was killed; most likely the builder arm",
        "docker buildx inspect arm",
    ),
    (f"{STEP}1", "context: a step of docker/app/Dockerfile failed", LINES),
]


@pytest.mark.parametrize(("error", "problem", "command"), EXPLAINED)
def test_an_error_is_explained_with_the_command_that_fixes_it(error: str, problem: str, command: str) -> None:
    first, *commands = explain([error], BUILD).splitlines()
    assert first.startswith(problem)
    assert f"    {command}" in commands


def test_each_case_is_the_first_that_matches_some_error() -> None:
    assert {next(case for case in CASES if match(case, error, HOST)) for error, _, _ in EXPLAINED} == set(CASES)


@pytest.mark.parametrize(
    "error",
    [
        "",
        "something new",
        'failed to solve: failed to compute cache key: failed to calculate checksum of ref x::y: "/nosuchfile": not found',
        "failed to solve: dockerfile parse error on line 3: unknown instruction: CPOY",
        "failed to solve: lint violation found for rules: FromAsCasing",
    ],
)
def test_an_unknown_error_has_no_explanation(error: str) -> None:
    assert explain([error], BUILD) == ""


def test_the_newest_error_is_explained() -> None:
    assert explain(["context deadline exceeded", f"{PUSH}unknown: unknown error"], BUILD).startswith("builder:")


def test_a_build_without_a_builder_names_the_current_one() -> None:
    text = explain(["context deadline exceeded"], replace(BUILD, builder=""))
    assert text.startswith("builder: the current builder does not answer")
    assert "    docker buildx inspect --bootstrap\n" in text


def test_an_image_that_only_the_dockerfile_names_is_not_the_base_image() -> None:
    other = "base.example/tools:1"
    text = explain(
        [f"failed to solve: {other}: failed to resolve source metadata for {other}: {other}: not found"], BUILD
    )
    assert text.startswith(f"docker/app/Dockerfile: {other} does not exist")


def test_braces_in_an_error_or_a_name_stay() -> None:
    build = replace(BUILD, username="{registry_host}", context="{x}")
    assert "login of {registry_host}." in explain([f"{PUSH}{{y}} 401 Unauthorized"], build)


def test_explanations_name_keys_of_the_configuration() -> None:
    keys = yaml.safe_load((Path(__file__).parents[2] / "Pulumi.yaml").read_text())["config"]
    for case in CASES:
        assert case.problem.split(":")[0] in {*keys, "{key}"}
        for command in case.commands:
            found = re.match(r"pulumi config set (?:--secret )?(\S+)", command)
            assert found is None or found[1] in keys
