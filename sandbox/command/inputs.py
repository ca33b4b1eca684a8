"""Inputs of `command:remote:Command`: check, defaults and typed values.

Names, types, required properties and defaults come from the annotations of the pulumi_command SDK. An unknown input or a wrong type fails
the plan. The tags of pulumi-command 1.2.1 say which inputs are secret (provider/pkg/provider/remote/command.go and connection.go).
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import cache
from typing import Any, get_args, get_origin

import pulumi
from pulumi import _types as sdk
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.provider.experimental.provider import CheckFailure
from pulumi_command import remote

from sandbox.command.errors import CommandError
from sandbox.command.values import Properties, is_unknown, plain, without_nulls

OUTPUTS = ("stdout", "stderr")
_SECRETS = frozenset({"connection", "password", "privateKey", "privateKeyPassword"})


@dataclass(frozen=True)
class Endpoint:
    """An SSH server and its login. `repr` contains no secrets."""

    host: str
    port: int
    user: str
    dial_error_limit: int
    """Failed attempts after which dialling gives up; -1: never."""
    per_dial_timeout: float
    """Seconds for the TCP connection of one attempt; 0: as long as the operating system tries."""
    host_key: str | None
    """The only accepted host key, as a line of authorized_keys; None: any key is accepted."""
    agent_socket_path: str | None
    password: str | None = field(repr=False)
    private_key: str | None = field(repr=False)
    private_key_password: str | None = field(repr=False)


@dataclass(frozen=True)
class Command:
    """The inputs of a remote command and the outputs of its last run."""

    endpoint: Endpoint
    proxy: Endpoint | None
    create: str | None
    update: str | None
    delete: str | None
    environment: dict[str, str]
    add_previous_output: bool
    log_stdout: bool
    log_stderr: bool
    stdin: str = field(repr=False)
    stdout: str = field(repr=False)
    stderr: str = field(repr=False)


def check(news: Mapping[str, PropertyValue]) -> tuple[Properties, list[CheckFailure]]:
    """Return the inputs with defaults and marked secrets, and the failures. No message contains a value."""
    failures: list[CheckFailure] = []
    inputs = _check_object(without_nulls(news), remote.CommandArgs, "", failures)
    return inputs, failures


def decode(properties: Mapping[str, PropertyValue]) -> Command:
    """Return the inputs or the state of a command as typed values. Raises CommandError for invalid ones."""
    outputs = {name: properties[name] for name in OUTPUTS if name in properties}
    inputs, failures = check({name: value for name, value in properties.items() if name not in OUTPUTS})
    if failures:
        raise CommandError("invalid inputs: " + "; ".join(failure.reason for failure in failures))
    values = {name: plain(value) for name, value in {**inputs, **outputs}.items()}
    connection = values["connection"]
    proxy = connection.get("proxy")
    logging = values.get("logging", "stdoutAndStderr")
    return Command(
        endpoint=_endpoint(connection),
        proxy=_endpoint(proxy) if proxy is not None else None,
        create=values.get("create"),
        update=values.get("update"),
        delete=values.get("delete"),
        environment=values.get("environment", {}),
        add_previous_output=values.get("addPreviousOutputInEnv", True),
        log_stdout=logging in ("stdout", "stdoutAndStderr"),
        log_stderr=logging in ("stderr", "stdoutAndStderr"),
        stdin=values.get("stdin", ""),
        stdout=values.get("stdout", ""),
        stderr=values.get("stderr", ""),
    )


def _endpoint(values: Mapping[str, Any]) -> Endpoint:
    return Endpoint(
        host=values["host"],
        port=int(values["port"]),
        user=values["user"],
        dial_error_limit=int(values["dialErrorLimit"]),
        per_dial_timeout=values["perDialTimeout"],
        host_key=values.get("hostKey"),
        agent_socket_path=values.get("agentSocketPath"),
        password=values.get("password"),
        private_key=values.get("privateKey"),
        private_key_password=values.get("privateKeyPassword"),
    )


@cache
def _required(cls: type) -> list[str]:
    """Return the properties without a default in the SDK's constructor."""
    names = sdk.input_type_py_to_pulumi_names(cls)
    parameters = inspect.signature(cls).parameters.values()
    return [names[p.name] for p in parameters if p.default is inspect.Parameter.empty]


@cache
def _defaults(cls: type) -> Properties:
    """Return the defaults of the SDK's constructor. The provider needs them for inputs in a plain dict."""
    required = {p.name: "" for p in inspect.signature(cls).parameters.values() if p.default is inspect.Parameter.empty}
    values = sdk.input_type_to_dict(cls(**required))
    wire = {name: value if isinstance(value, str | bool) else float(value) for name, value in values.items()}
    return {name: PropertyValue(value) for name, value in wire.items() if name not in _required(cls)}


def _check_object(values: Properties, cls: type, path: str, failures: list[CheckFailure]) -> Properties:
    types = sdk.input_type_types(cls)
    result = dict(_defaults(cls))
    for name in _required(cls):
        if name not in values:
            failures.append(_failure(path + name, "is missing and required"))
    for name, value in values.items():
        if name not in types:
            failures.append(
                _failure(path + name, f"is not a property of {cls.__name__}, which has: {', '.join(sorted(types))}")
            )
            continue
        checked = _check_value(value, types[name], path + name, failures)
        result[name] = checked.with_secret(True) if name in _SECRETS else checked
    return result


def _check_value(value: PropertyValue, expected: Any, path: str, failures: list[CheckFailure]) -> PropertyValue:
    if is_unknown(value) or expected is Any:
        return value
    got = value.value
    if isinstance(got, Mapping) and sdk.is_input_type(expected):
        return PropertyValue(_check_object(dict(got), expected, f"{path}.", failures), value.is_secret)
    if isinstance(got, Mapping) and get_origin(expected) is Mapping:
        element = sdk.unwrap_type(get_args(expected)[1])
        parts = {name: _check_value(part, element, f"{path}.{name}", failures) for name, part in got.items()}
        return PropertyValue(parts, value.is_secret)
    if isinstance(got, Sequence) and get_origin(expected) is Sequence and not isinstance(got, str):
        if _has_assets(value):
            failures.append(
                _failure(path, "contains an asset, which the sandbox's emulator cannot compare; use its hash")
            )
        return value  # the only array, triggers, takes anything else
    if not _is_instance(got, expected):
        failures.append(_failure(path, f"must be {_name(expected)}, not {_name(type(got))}"))
    elif isinstance(expected, type) and issubclass(expected, Enum) and got not in [member.value for member in expected]:
        failures.append(_failure(path, f"must be one of: {', '.join(str(member.value) for member in expected)}"))
    return value


def _failure(path: str, reason: str) -> CheckFailure:
    """Name the property in the reason only: for a named property, the engine would print the value, even of a secret."""
    return CheckFailure("", f"{path} {reason}")


def _has_assets(value: PropertyValue) -> bool:
    if isinstance(value.value, Mapping):
        return any(_has_assets(part) for part in value.value.values())
    if isinstance(value.value, Sequence) and not isinstance(value.value, str):
        return any(_has_assets(part) for part in value.value)
    return isinstance(value.value, pulumi.Asset | pulumi.Archive)


def _is_instance(got: Any, expected: Any) -> bool:
    """Return whether a scalar (bool, float, str) matches the annotation."""
    if expected is bool or isinstance(got, bool):
        return expected is bool and isinstance(got, bool)
    if expected is int:
        return isinstance(got, float) and got.is_integer()
    if expected is float:
        return isinstance(got, float)
    return isinstance(expected, type) and issubclass(expected, str) and isinstance(got, str)


def _name(kind: Any) -> str:
    """Return the name of a type for messages."""
    if isinstance(kind, type) and issubclass(kind, str):
        return "a string"
    if get_origin(kind) is Mapping or (
        isinstance(kind, type) and (issubclass(kind, Mapping) or sdk.is_input_type(kind))
    ):
        return "an object"
    if get_origin(kind) is Sequence or (isinstance(kind, type) and issubclass(kind, Sequence)):
        return "an array"
    return str({bool: "a boolean", int: "a whole number", float: "a number"}.get(kind, kind.__name__))
