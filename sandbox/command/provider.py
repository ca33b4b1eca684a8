"""`command:remote:Command` as the engine sees it: check, diff, create, update, delete.

Semantics from pulumi-command 1.2.1 (provider/pkg/provider/remote/commandController.go) and the framework it is written in,
pulumi-go-provider 1.3.0 (infer/resource.go). What is left out is in README.md.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Mapping

from pulumi.provider.experimental import provider as api
from pulumi.provider.experimental.property_value import PropertyValue

from sandbox.command import inputs
from sandbox.command.diff import diff, equal
from sandbox.command.errors import CommandError
from sandbox.command.operation import Log, Operation
from sandbox.command.values import UNKNOWN, Properties, has_unknowns, without_nulls

TYPE = "command:remote:Command"
VERSION = "1.2.1"


class CommandProvider(api.Provider):
    """Runs scripts on remote hosts over SSH. Keeps nothing itself: all that a later run needs is in the stack's state."""

    def __init__(self, log: Callable[[str], Log]) -> None:
        """`log` gives the log of the resource with a URN."""
        self._log = log
        self._cancelled = asyncio.Event()

    async def check(self, request: api.CheckRequest) -> api.CheckResponse:
        """Refuses what the SDK does not declare; fills in defaults and marks secrets."""
        _only_remote_command(request.type)
        checked, failures = inputs.check(request.new_inputs)
        return api.CheckResponse(checked, failures)

    async def diff(self, request: api.DiffRequest) -> api.DiffResponse:
        """Compares inputs only: the machine is never looked at."""
        _only_remote_command(request.type)
        old = _old_inputs(request.old_state)
        new = _ignoring(request.ignore_changes, old, without_nulls(request.new_inputs))
        # The engine's own keys (pulumi-go-provider ignores them in the same way).
        return diff(old, {k: v for k, v in new.items() if k != "version" and not k.startswith("__")})

    async def create(self, request: api.CreateRequest) -> api.CreateResponse:
        """Runs `create`, if there is one. A preview connects nowhere and knows no output."""
        _only_remote_command(request.type)
        properties = without_nulls(request.properties)
        resource_id = request.name + secrets.token_hex(4)
        if request.preview:
            return api.CreateResponse(resource_id, {**properties, **dict.fromkeys(inputs.OUTPUTS, UNKNOWN)})
        command = inputs.decode(properties)
        output = await self._run(command.create, command, request.urn, request.timeout)
        return api.CreateResponse(resource_id, {**properties, **output})

    async def update(self, request: api.UpdateRequest) -> api.UpdateResponse:
        """Runs `update`, else `create`, else nothing: with the new connection, and the output of the last run at hand."""
        _only_remote_command(request.type)
        state = without_nulls(request.olds)
        old = _old_inputs(state)
        new = _ignoring(request.ignore_changes, old, without_nulls(request.news))
        previous = {name: state.get(name, PropertyValue("")).with_secret(False) for name in inputs.OUTPUTS}
        if request.preview:
            # An input that is merely added leaves the output known, as in pulumi-go-provider (markComputed).
            changed = any(name not in new or not equal(value, new[name]) for name, value in old.items())
            unknown = changed or any(has_unknowns(value) for value in new.values())
            return api.UpdateResponse({**new, **(dict.fromkeys(inputs.OUTPUTS, UNKNOWN) if unknown else previous)})
        command = inputs.decode({**new, **previous})
        script = command.update if command.update is not None else command.create
        output = await self._run(script, command, request.urn, request.timeout)
        return api.UpdateResponse({**new, **(output if script is not None else previous)})

    async def delete(self, request: api.DeleteRequest) -> None:
        """Runs `delete`, if there is one, with the connection in the state: an error when that host is gone."""
        _only_remote_command(request.type)
        command = inputs.decode(without_nulls(request.properties))
        await self._run(command.delete, command, request.urn, request.timeout)

    async def invoke(self, request: api.InvokeRequest) -> api.InvokeResponse:
        """No functions: `command:local:run` would run on the host of the engine."""
        raise CommandError(_not_done(request.tok))

    async def cancel(self) -> None:
        """Ends dialling. A command that runs is waited for, as pulumi-command does."""
        self._cancelled.set()

    async def _run(self, script: str | None, command: inputs.Command, urn: str, timeout: float) -> Properties:
        """The outputs of the script; secret never of themselves: that is for `additional_secret_outputs` to say."""
        if script is None:
            return _outputs("", "")
        # Only now: asyncssh takes a tenth of a second to import, which an `up` without changes can do without.
        from sandbox.command import dial, session

        deadline = asyncio.get_running_loop().time() + timeout if timeout else None
        operation = Operation(self._log(urn), self._cancelled, deadline)
        async with dial.connect(command.endpoint, command.proxy, operation) as client:
            output = await session.run(client, script, command, operation)
        return _outputs(output.stdout, output.stderr)


def _only_remote_command(kind: str) -> None:
    # The SDK's request.type is the URN's qualified type: for a child of a component, "parent's type$own type".
    if kind.rpartition("$")[2] != TYPE:
        raise CommandError(_not_done(kind))


def _not_done(token: str) -> str:
    return (
        f"the sandbox's emulation of pulumi-command does {TYPE} only, not {token}: "
        "put the official plugin pulumi-resource-command into the folder that SANDBOX_PLUGINS names"
    )


def _old_inputs(state: Mapping[str, PropertyValue]) -> Properties:
    """The inputs of the last run: the state holds each of them beside the outputs."""
    return {name: value for name, value in without_nulls(state).items() if name not in inputs.OUTPUTS}


def _ignoring(names: list[str], old: Properties, new: Properties) -> Properties:
    return {**new, **{name: old[name] for name in names if name in old}}


def _outputs(stdout: str, stderr: str) -> Properties:
    return {"stdout": PropertyValue(stdout), "stderr": PropertyValue(stderr)}
