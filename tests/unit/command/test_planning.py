"""Plans, defaults and errors of the emulated command provider, without a connection."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from pulumi.provider.experimental import provider as api
from pulumi.provider.experimental.property_value import PropertyValue

from sandbox.command.errors import CommandError
from sandbox.command.inputs import decode
from sandbox.command.values import UNKNOWN
from tests.engine.command_project import Machine
from tests.unit.command.conftest import (
    PRIVATE,
    URN,
    RecordingLog,
    ask,
    check,
    create,
    diff,
    inputs,
    secret,
    update,
    wire,
)


def test_a_preview_connects_nowhere_and_knows_no_output(machine: Machine, log: RecordingLog) -> None:
    news = inputs(machine.connection(), create="touch ran", triggers=["a", UNKNOWN])
    planned = create(log, news, preview=True)
    assert planned == {**news, "stdout": UNKNOWN, "stderr": UNKNOWN}
    state = {**news, "stdout": PropertyValue("x"), "stderr": PropertyValue("")}
    planned = update(log, state, {**news, "create": wire("touch other")}, preview=True)
    assert (planned["stdout"], planned["stderr"]) == (UNKNOWN, UNKNOWN)
    assert machine.connections == 0


HOST = {"host": "h"}
A, U = api.PropertyDiffKind.ADD, api.PropertyDiffKind.UPDATE
AR, DR, UR = api.PropertyDiffKind.ADD_REPLACE, api.PropertyDiffKind.DELETE_REPLACE, api.PropertyDiffKind.UPDATE_REPLACE
D = api.PropertyDiffKind.DELETE

# Each line as the official plugin 1.2.1, built from its source, answers the same request.
DIFFS: list[tuple[dict[str, Any], dict[str, Any], dict[str, api.PropertyDiffKind]]] = [
    ({"create": "a"}, {"create": "a"}, {}),
    ({"create": "a"}, {"create": "b"}, {"create": U}),
    ({"create": "a"}, {}, {"create": D}),
    ({}, {"update": "u"}, {"update": A}),
    ({"delete": "a"}, {"delete": "b"}, {"delete": U}),
    ({}, {"connection": secret({"host": "other"})}, {"connection": U}),
    ({}, {"connection": wire(HOST)}, {"connection": U}),
    ({}, {"connection": UNKNOWN}, {"connection": U}),
    ({"stdin": secret("a")}, {"stdin": secret("b")}, {"stdin": U}),
    ({}, {"logging": "none"}, {"logging": A}),
    ({}, {"addPreviousOutputInEnv": False}, {"addPreviousOutputInEnv": A}),
    (
        {"environment": {"A": "1", "C": "3", "a.b": "1"}},
        {"environment": {"A": "2", "B": "1", "a.b": "2"}},
        {"environment.A": U, "environment.B": A, "environment.C": D, 'environment["a.b"]': U},
    ),
    ({"environment": {"A": "1"}}, {"environment": {"A": None}}, {"environment.A": D}),
    # The SDK's replace_on_changes=["triggers[*]"] makes the engine replace for a changed element.
    ({"triggers": ["a", "b"]}, {"triggers": ["a", "c"]}, {"triggers[1]": U}),
    ({"triggers": ["a"]}, {"triggers": ["a", "b"]}, {"triggers[1]": A}),
    ({"triggers": ["a", "b"]}, {"triggers": ["a"]}, {"triggers[1]": D}),
    ({"triggers": [{"x": {"y": 1}}]}, {"triggers": [{"x": {"y": 2}}]}, {"triggers[0].x.y": U}),
    ({"triggers": [1]}, {"triggers": [True]}, {"triggers[0]": U}),
    ({"triggers": ["a"]}, {"triggers": [UNKNOWN]}, {"triggers[0]": U}),
    ({"triggers": [secret("a")]}, {"triggers": ["a"]}, {"triggers[0]": U}),
    ({"triggers": ["a"]}, {"triggers": UNKNOWN}, {"triggers": UR}),
    ({"triggers": secret(["a"])}, {"triggers": secret(["b"])}, {"triggers": UR}),
    ({}, {"triggers": ["a"]}, {"triggers": AR}),
    ({"triggers": ["a"]}, {}, {"triggers": DR}),
]


@pytest.mark.parametrize(("old", "new", "expected"), DIFFS)
def test_what_a_change_of_inputs_does(
    old: dict[str, Any], new: dict[str, Any], expected: dict[str, api.PropertyDiffKind]
) -> None:
    before = {**inputs(HOST), **{name: wire(value) for name, value in old.items()}}
    after = {**inputs(HOST), **{name: wire(value) for name, value in new.items()}}
    answer = diff(before, after)
    assert {path: change.kind for path, change in answer.detailed_diff.items()} == expected
    assert answer.changes == bool(expected)
    assert answer.replaces == [path for path, kind in expected.items() if kind in (AR, DR, UR)]


def test_an_ignored_change_is_none() -> None:
    state = {**inputs(HOST, create="a"), "stdout": PropertyValue(""), "stderr": PropertyValue("")}
    request = api.DiffRequest(URN, "id", state, inputs(HOST, create="b"), ["create"])
    assert ask(RecordingLog(), lambda p: p.diff(request)).changes is False


def test_check_fills_in_defaults_and_marks_secrets() -> None:
    checked = check({"connection": wire({"host": "h", "private_key": "k", "proxy": {"host": "p", "password": "x"}})})
    assert checked.failures == []
    connection = checked.inputs["connection"]
    proxy = connection.value["proxy"]
    assert connection.is_secret
    assert connection.value["privateKey"] == secret("k")
    assert proxy.value["password"] == secret("x")
    for end in (connection, proxy):
        defaults = {name: end.value[name].value for name in ("user", "port", "dialErrorLimit", "perDialTimeout")}
        assert defaults == {"user": "root", "port": 22, "dialErrorLimit": 10, "perDialTimeout": 15}


WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"connection": None}, "connection", "missing"),
    ({"connection": {"user": "u"}}, "connection.host", "missing"),
    ({"connection": "h"}, "connection", "must be an object"),
    ({"connection": {"host": 3}}, "connection.host", "must be a string"),
    ({"connection": {"host": "h", "port": "22"}}, "connection.port", "must be a number"),
    ({"connection": {"host": "h", "privatekey": "k"}}, "connection.privatekey", "privateKey, "),
    ({"connection": {"host": "h", "dialErrorLimit": 2.5}}, "connection.dialErrorLimit", "whole number"),
    ({"connection": {"host": "h", "proxy": {}}}, "connection.proxy.host", "missing"),
    ({"creat": "x"}, "creat", "is not a property"),
    ({"create": ["x"]}, "create", "must be a string"),
    ({"stdin": 3}, "stdin", "must be a string"),
    ({"environment": {"A": 1}}, "environment.A", "must be a string"),
    ({"triggers": "a"}, "triggers", "must be an array"),
    ({"logging": "all"}, "logging", "stdoutAndStderr"),
    ({"addPreviousOutputInEnv": "false"}, "addPreviousOutputInEnv", "must be a boolean"),
]


@pytest.mark.parametrize(("wrong", "name", "reason"), WRONG)
def test_what_the_sdk_does_not_declare_fails_the_plan(wrong: dict[str, Any], name: str, reason: str) -> None:
    news = {**inputs(HOST), **{key: wire(value) for key, value in wrong.items()}}
    failures = check(news).failures or []
    assert len(failures) == 1
    assert failures[0].reason.startswith(f"{name} ")
    assert reason in failures[0].reason
    assert failures[0].property == "", "the engine would print the property's value"


def test_unknown_inputs_are_in_order_in_a_plan() -> None:
    unknown = {
        "connection": secret({"host": UNKNOWN}),
        "environment": UNKNOWN,
        "triggers": wire([UNKNOWN]),
        "stdin": UNKNOWN,
    }
    assert check(unknown).failures == []
    assert check({"connection": UNKNOWN.with_secret(True)}).failures == []


@pytest.mark.parametrize("kind", ["command:local:Command", "command:remote:CopyToRemote", "command:remote:CopyFile"])
def test_other_resources_are_refused_with_the_way_out(kind: str) -> None:
    request = api.CheckRequest(URN.replace("command:remote:Command", kind), {}, {}, b"")
    with pytest.raises(CommandError, match=f"not {kind}.*SANDBOX_PLUGINS"):
        ask(RecordingLog(), lambda p: p.check(request))


def test_secrets_are_in_no_representation() -> None:
    connection = {"host": "h", "private_key": PRIVATE, "private_key_password": PRIVATE, "password": PRIVATE}
    command = decode(inputs(connection, stdin=secret(PRIVATE)))
    assert PRIVATE not in repr(command)
    assert dataclasses.asdict(command)["stdin"] == PRIVATE
