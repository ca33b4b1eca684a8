"""What the engine tells an analyzer and pulumi-policy 1.21.0 keeps to itself: which values are secret, and the stack's configuration.

Both are in the protocol (source: pulumi, proto/pulumi/analyzer.proto: secrets are marked in the properties, AnalyzerStackConfigureRequest
has config and configSecretKeys). pulumi-policy takes the marks off before it calls a policy's `validate`, and reads the configuration
from an environment variable which the engine sets for old runtimes only. tests/engine/test_policy.py fails when another version differs.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import grpc  # type: ignore[import-untyped]
from pulumi_policy import policy as sdk
from pulumi_policy.deserialize import SPECIAL_SECRET_SIG, SPECIAL_SIG_KEY, deserialize_properties
from pulumi_policy.proxy import UnknownValueError

from policy.exceptions import ExceptionsError
from policy.rule import UNKNOWN, SecretText, Stack

Configure = Callable[[Stack, Mapping[str, str]], None]
"""Is told the stack, without exceptions yet, and all of its configuration. May raise ExceptionsError."""


SECRETS_OF_OCI = ("oci:privateKey", "oci:privateKeyPassword", "oci:tokenExchangeClientSecret")
"""The provider's other keys name things, such as the tenancy, which resources do in plain text. Pulumi's page on the provider
("Installation & Configuration") has people encrypt them all the same.
"""


def complete(configure: Configure) -> None:
    """Make pulumi-policy hand both over. To be called before a PolicyPack is made."""

    class Servicer(sdk._PolicyAnalyzerServicer):  # type: ignore[misc]
        def ConfigureStack(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802 - gRPC's
            config = dict(request.config)
            given = secrets(config, request.config_secret_keys, request.project)
            try:
                configure(Stack(name=request.stack, project=request.project, secrets=given), config)
            except ExceptionsError as error:
                context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
            return super().ConfigureStack(request, context)

    def deserialize(props: Any, proxy_secrets: bool = False) -> Any:
        return deserialize_properties(props if proxy_secrets else _marked(props), proxy_secrets)

    for name, ours in (("_PolicyAnalyzerServicer", Servicer), ("deserialize_properties", deserialize)):
        assert hasattr(sdk, name), f"pulumi-policy has no {name} any more"  # noqa: S101 - before anything is checked
        setattr(sdk, name, ours)


def secrets(config: Mapping[str, str], encrypted: Iterable[str], project: str) -> dict[str, str]:
    """The texts which have to be in plain text nowhere, by their places: of the encrypted keys the project's own, and SECRETS_OF_OCI."""
    keys = [key for key in encrypted if key in config and (key.startswith(f"{project}:") or key in SECRETS_OF_OCI)]
    return {place: text for key in keys for place, text in texts(key, config[key])}


def texts(key: str, value: str) -> Iterator[tuple[str, str]]:
    """The texts in a value of the configuration, each with its place: itself, or of an object or array (JSON) those in it."""
    try:
        content = json.loads(value)
    except ValueError:
        content = value
    yield from _texts(key, content) if isinstance(content, dict | list) else [(key, value)]


def _texts(place: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _texts(f"{place}.{key}", inner)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _texts(f"{place}[{index}]", inner)
    elif isinstance(value, str):
        yield place, value


def _marked(value: Any, secret: bool = False) -> Any:
    if isinstance(value, Mapping):
        if value.get(SPECIAL_SIG_KEY) == SPECIAL_SECRET_SIG:
            return _marked(value.get("value"), True)
        return {key: _marked(inner, secret) for key, inner in value.items()}
    if isinstance(value, list):
        return [_marked(inner, secret) for inner in value]
    return SecretText(value) if secret and isinstance(value, str) else value


def plain(value: Any) -> Any:
    """Properties as pulumi-policy gives them, without its proxies, which raise where a value is not known."""
    if isinstance(value, Mapping):
        return {key: _item(value, key) for key in value}
    if isinstance(value, str | bytes) or not hasattr(value, "__getitem__"):
        return value
    return [_item(value, index) for index in range(len(value))]


def _item(holder: Any, key: Any) -> Any:
    try:
        return plain(holder[key])
    except UnknownValueError:
        return UNKNOWN
