"""Policies on secrets in plain text: Pulumi would write them to the state and to plans, and show them in previews."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from policy.rule import Policy, Resource, SecretText, Stack
from specs.secret_names import SECRET_NAMES, SHORTEST_SECRET

_PATTERNS = {
    "a private key": re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----"),
    # PHC (argon2, scrypt), bcrypt, and the SHA-256, SHA-512, yescrypt and MD5 of crypt(5).
    "a password's hash": re.compile(r"\$(argon2(id|i|d)|scrypt)\$v?|\$2[abxy]?\$\d\d\$|\$(1|5|6|7|y)\$[^\s$]+\$"),
    # JWT; GitHub, GitLab, Slack, npm; AWS; Docker Hub; Pulumi.
    "a token": re.compile(
        r"\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.|\bgh[pousr]_\w{30,}|\bgithub_pat_\w{30,}|\bglpat-[\w-]{20}|\bxox[abprs]-\w{10,}"
        r"|\bnpm_\w{30,}|\bAKIA[0-9A-Z]{16}\b|\bdckr_pat_[\w-]{20,}|\bpul-[0-9a-f]{40}\b"
    ),
}
_COMMANDS = ("command:remote:Command", "command:local:Command")


def plain_secrets(resource: Resource, stack: Stack) -> Iterable[str]:
    """Inputs in plain text that are secret by name, by form, or because the configuration encrypts their value. Quotes no value."""
    for path, name, text in _plain_texts(resource.inputs, ""):
        if what := _secret(resource, path, name, text, stack):
            yield f"{resource.name} has {what} in plain text: {path}."


def plain_outputs(resources: Sequence[Resource], stack: Stack) -> Iterable[str]:
    """The same for outputs of the stack and of components. The provider decides which outputs of a resource are secret."""
    for resource in resources:
        for path, name, text in _plain_texts(resource.outputs, "") if resource.is_component else ():
            if what := _secret(resource, path, name, text, stack):
                yield f"{resource.name} has {what} in plain text: its output {path}."


def _secret(resource: Resource, path: str, name: str, text: str, stack: Stack) -> str:
    """What kind of secret the text is, "" for none."""
    for content in (text, _decoded(text)):
        for what, pattern in _PATTERNS.items():
            if pattern.search(content):
                return what
        for key, secret in stack.secrets.items():
            if len(secret) >= SHORTEST_SECRET and secret in content:
                return f"the value of the secret configuration key {key}"
    if SECRET_NAMES.search(name):
        return "a secret, according to its name,"
    if resource.type in _COMMANDS and path.split(".")[0] in ("stdin", "environment"):
        return "the input of a command"
    return ""


def _decoded(text: str) -> str:
    """The content of a text in base64, such as an instance's user_data; "" for other texts."""
    try:
        return base64.b64decode(text, validate=True).decode() if len(text) >= 16 else ""
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return ""


def _plain_texts(value: Any, path: str, name: str = "") -> Iterator[tuple[str, str, str]]:
    """Path, name and content of every text that is neither secret nor empty."""
    if isinstance(value, Mapping):
        if isinstance(value.get("name"), str) and "value" in value:
            # An environment variable of Kubernetes.
            yield from _plain_texts(value["value"], f"{path}.value", value["name"])
        for key, inner in value.items():
            yield from _plain_texts(inner, f"{path}.{key}" if path else key, key)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for index, inner in enumerate(value):
            yield from _plain_texts(inner, f"{path}[{index}]", name)
    elif isinstance(value, str) and value and not isinstance(value, SecretText):
        yield path, name, value


POLICIES = (
    Policy(
        "no-plaintext-secret",
        "Passwords, their hashes, tokens and private keys are encrypted, as inputs and as outputs of the stack and its components. So is "
        "everything that a command receives on stdin or as environment.",
        "A person who can read the state, a plan or the output of a preview could read the secret.",
        "wrap the value in pulumi.Output.secret(…). Read it from the configuration with `config.require_secret` and set it by "
        "`pulumi config set --secret <key>`. Instead of a variable in `environment`, give the app a file: "
        "`pulumi config set --secret --path 'secretFiles.<name>'`. Replace a secret that was in plain text.",
        check=plain_secrets,
        check_stack=plain_outputs,
    ),
)
