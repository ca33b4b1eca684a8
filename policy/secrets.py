"""No secret in plain text where Pulumi keeps what it is told: in the state, in plans, in what a preview shows."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from policy.rule import Policy, Resource, SecretText, Stack
from policy.shell import commands

_PATTERNS = {
    "a private key": re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----"),
    # PHC (argon2, scrypt), bcrypt, and crypt(5)'s SHA-256, SHA-512, yescrypt and MD5.
    "a password's hash": re.compile(r"\$(argon2(id|i|d)|scrypt)\$v?|\$2[abxy]?\$\d\d\$|\$(1|5|6|7|y)\$[^\s$]+\$"),
    # JWT; GitHub, GitLab, Slack, npm; AWS; Docker Hub; Pulumi.
    "a token": re.compile(
        r"\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.|\bgh[pousr]_\w{30,}|\bgithub_pat_\w{30,}|\bglpat-[\w-]{20}|\bxox[abprs]-\w{10,}"
        r"|\bnpm_\w{30,}|\bAKIA[0-9A-Z]{16}\b|\bdckr_pat_[\w-]{20,}|\bpul-[0-9a-f]{40}\b"
    ),
}
# Of keys those alone that are secret by what is before: there are public ones, and those of caches and tables. No "-secret": annotations
# with such names, as of a load balancer's certificate, name a Secret of Kubernetes.
_NAMES = re.compile(
    r"(password|passwd|passphrase|client_?secret|(auth|access|registry|refresh|bearer)_?token|(^|_)(token|secret|pass)|_pwd"
    r"|(private|secret|access|api|account|encryption|signing|master)_?key)$",
    re.IGNORECASE,
)
_COMMANDS = ("command:remote:Command", "command:local:Command")
_SCRIPTS = ("create", "update", "delete")
# Also "--env=NAME=value" and "-eNAME=value"; not where the value is a variable or what a command prints.
_VARIABLE = re.compile(r"(?:-e|--env=)?([A-Za-z_]\w*)=[^$`].*", re.DOTALL)
_BY_NAME = "what its name calls a secret"
# Shorter values turn up by chance.
_SHORTEST = 6


def plain_secrets(resource: Resource, stack: Stack) -> Iterable[str]:
    """Properties in plain text which are secret by their name, by their form, or because the configuration keeps their value encrypted.
    No value is quoted.
    """
    for place, name, text in _plain_texts(resource.inputs, ""):
        if reason := _reason(resource, place, name, text, stack):
            yield f"{resource.name} has {reason} in plain text: {place}."
        if resource.type in _COMMANDS and place in _SCRIPTS:
            for variable in dict.fromkeys(_variables(text)):
                if _NAMES.search(variable):
                    yield f"{resource.name} has {_BY_NAME} in plain text: {variable} in its {place}."


def plain_outputs(resources: Sequence[Resource], stack: Stack) -> Iterable[str]:
    """Outputs of the stack and of components which are the same; a resource's own are its provider's to mark."""
    for resource in resources:
        for place, name, text in _plain_texts(resource.outputs, "") if resource.is_component else ():
            if reason := _reason(resource, place, name, text, stack):
                yield f"{resource.name} has {reason} in plain text: its output {place}."


def _variables(script: str) -> Iterator[str]:
    """Names of the variables which the script sets, for itself or, as by podman's --env, for a container."""
    for words in commands(script):
        yield from (found[1] for word in words if (found := _VARIABLE.fullmatch(word)))


def _reason(resource: Resource, place: str, name: str, text: str, stack: Stack) -> str:
    for content in (text, _decoded(text)):
        for what, pattern in _PATTERNS.items():
            if pattern.search(content):
                return what
        for key, secret in stack.secrets.items():
            if len(secret) >= _SHORTEST and secret in content:
                return f"the value of the secret configuration key {key}"
    if _NAMES.search(name):
        return _BY_NAME
    if resource.type in _COMMANDS and place.split(".")[0] in ("stdin", "environment"):
        return "what a command is given"
    return ""


def _decoded(text: str) -> str:
    """What a text in base64 says, such as an instance's user_data; "" where it is none."""
    try:
        return base64.b64decode(text, validate=True).decode() if len(text) >= 16 else ""
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return ""


def _plain_texts(value: Any, place: str, name: str = "") -> Iterator[tuple[str, str, str]]:
    """Every text that is not secret and not empty: its path, its name and itself."""
    if isinstance(value, Mapping):
        if isinstance(value.get("name"), str) and "value" in value:
            # An environment variable of Kubernetes.
            yield from _plain_texts(value["value"], f"{place}.value", value["name"])
        for key, inner in value.items():
            yield from _plain_texts(inner, f"{place}.{key}" if place else key, key)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for index, inner in enumerate(value):
            yield from _plain_texts(inner, f"{place}[{index}]", name)
    elif isinstance(value, str) and value and not isinstance(value, SecretText):
        yield place, name, value


POLICIES = (
    Policy(
        "no-plaintext-secret",
        "Passwords, their hashes, tokens and private keys are encrypted, as inputs and as outputs of the stack and its components, and so "
        "is all that a command reads or has as environment.",
        "What is plain can be read in the state, in plans and in the output of a preview.",
        "wrap the value in pulumi.Output.secret(…); from the configuration take it with `config.require_secret`, set by "
        "`pulumi config set --secret <key>`; what is in `environment` becomes a file by "
        "`pulumi config set --secret --path 'secretFiles.<name>'`. Consider a value that was in plain text known.",
        check=plain_secrets,
        check_stack=plain_outputs,
    ),
)
