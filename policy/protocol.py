"""Two parts of the engine's protocol that pulumi-policy 1.21.0 does not pass on: which values are secret, and the configuration.

The protocol has both (source: pulumi, proto/pulumi/analyzer.proto: properties mark secrets, AnalyzerStackConfigureRequest has config and
configSecretKeys). pulumi-policy removes the marks before it calls a policy, and does not read the configuration from the request.
tests/engine/test_policy.py fails if another version differs.
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
from specs.oci_profile import SECRETS

Configure = Callable[[Stack, Mapping[str, str]], None]
"""Receives the stack, without its exceptions, and its configuration. May raise ExceptionsError."""


def extend(configure: Configure) -> None:
    """Make pulumi-policy pass both on. Call it before creating a PolicyPack."""

    class Servicer(sdk._PolicyAnalyzerServicer):  # type: ignore[misc]
        def ConfigureStack(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802 - gRPC's
            config = dict(request.config)
            encrypted = secrets(config, request.config_secret_keys, request.project)
            try:
                configure(Stack(name=request.stack, project=request.project, secrets=encrypted), config)
            except ExceptionsError as error:
                context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
            return super().ConfigureStack(request, context)

    def deserialize(props: Any, proxy_secrets: bool = False) -> Any:
        return deserialize_properties(props if proxy_secrets else with_secrets(props), proxy_secrets)

    for name, ours in (("_PolicyAnalyzerServicer", Servicer), ("deserialize_properties", deserialize)):
        assert hasattr(sdk, name), f"pulumi-policy has no {name} any more"  # noqa: S101 - before any check
        setattr(sdk, name, ours)


def secrets(config: Mapping[str, str], encrypted: Iterable[str], project: str) -> dict[str, str]:
    """The encrypted texts by their paths: those of the project's own keys and of the provider's secret ones.

    The provider's other keys name things, such as the tenancy, that resources contain in plain text. People encrypt them too, as in
    Pulumi's page on the provider ("Installation & Configuration").
    """
    keys = [key for key in encrypted if key in config and (key.startswith(f"{project}:") or key in SECRETS)]
    return {path: text for key in keys for path, text in texts(key, config[key])}


def texts(key: str, value: str) -> Iterator[tuple[str, str]]:
    """Path and content of each text in a value of the configuration, which may be an object or array in JSON."""
    try:
        content = json.loads(value)
    except ValueError:
        content = value
    yield from _texts(key, content) if isinstance(content, dict | list) else [(key, value)]


def _texts(path: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _texts(f"{path}.{key}", inner)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _texts(f"{path}[{index}]", inner)
    elif isinstance(value, str):
        yield path, value


def with_secrets(value: Any, secret: bool = False) -> Any:
    """Properties as the engine sends them, with each text marked as secret as a SecretText."""
    if isinstance(value, Mapping):
        if value.get(SPECIAL_SIG_KEY) == SPECIAL_SECRET_SIG:
            return with_secrets(value.get("value"), True)
        return {key: with_secrets(inner, secret) for key, inner in value.items()}
    if isinstance(value, list):
        return [with_secrets(inner, secret) for inner in value]
    return SecretText(value) if secret and isinstance(value, str) else value


def plain(value: Any) -> Any:
    """Properties without the proxies of pulumi-policy, which raise an error for an unknown value."""
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
