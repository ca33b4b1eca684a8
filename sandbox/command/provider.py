"""`command:remote:Command` as the engine sees it: check, diff, create, update, delete.

Semantics from pulumi-command 1.2.1 (provider/pkg/provider/remote/commandController.go) and its framework pulumi-go-provider 1.3.0
(infer/resource.go). README.md lists the differences.
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
    """Runs scripts on remote hosts over SSH. It keeps no data: the stack's state has everything that a later run needs."""

    def __init__(self, log: Callable[[str], Log]) -> None:
        """`log` gives the log of the resource with a URN."""
        self._log = log
        self._cancelled = asyncio.Event()

    async def check(self, request: api.CheckRequest) -> api.CheckResponse:
        """Refuse inputs that the SDK does not declare, fill in defaults and mark secrets."""
        _only_remote_command(request.type)
        checked, failures = inputs.check(request.new_inputs)
        return api.CheckResponse(checked, failures)

    async def diff(self, request: api.DiffRequest) -> api.DiffResponse:
        """Compare inputs only, without looking at the machine."""
        _only_remote_command(request.type)
        old = _old_inputs(request.old_state)
        new = _ignoring(request.ignore_changes, old, without_nulls(request.new_inputs))
        # The engine's own keys (pulumi-go-provider ignores them in the same way).
        return diff(old, {k: v for k, v in new.items() if k != "version" and not k.startswith("__")})

    async def create(self, request: api.CreateRequest) -> api.CreateResponse:
        """Run `create` if it is set. A preview does not connect, and its outputs are unknown."""
        _only_remote_command(request.type)
        properties = without_nulls(request.properties)
        resource_id = request.name + secrets.token_hex(4)
        if request.preview:
            return api.CreateResponse(resource_id, {**properties, **dict.fromkeys(inputs.OUTPUTS, UNKNOWN)})
        command = inputs.decode(properties)
        output = await self._run(command.create, command, request.urn, request.timeout)
        return api.CreateResponse(resource_id, {**properties, **output})

    async def update(self, request: api.UpdateRequest) -> api.UpdateResponse:
        """Run `update`, or `create`, or nothing, with the new connection and the output of the last run."""
        _only_remote_command(request.type)
        state = without_nulls(request.olds)
        old = _old_inputs(state)
        new = _ignoring(request.ignore_changes, old, without_nulls(request.news))
        previous = {name: state.get(name, PropertyValue("")).with_secret(False) for name in inputs.OUTPUTS}
        if request.preview:
            # An added input leaves the output known, as in pulumi-go-provider (markComputed).
            changed = any(name not in new or not equal(value, new[name]) for name, value in old.items())
            unknown = changed or any(has_unknowns(value) for value in new.values())
            return api.UpdateResponse({**new, **(dict.fromkeys(inputs.OUTPUTS, UNKNOWN) if unknown else previous)})
        command = inputs.decode({**new, **previous})
        script = command.update if command.update is not None else command.create
        output = await self._run(script, command, request.urn, request.timeout)
        return api.UpdateResponse({**new, **(output if script is not None else previous)})

    async def delete(self, request: api.DeleteRequest) -> None:
        """Run `delete` if it is set, with the connection in the state; an error if that host is gone."""
        _only_remote_command(request.type)
        command = inputs.decode(without_nulls(request.properties))
        await self._run(command.delete, command, request.urn, request.timeout)

    async def invoke(self, request: api.InvokeRequest) -> api.InvokeResponse:
        """Refuse functions: `command:local:run` would run on the engine's host."""
        raise CommandError(_unsupported(request.tok))

    async def cancel(self) -> None:
        """End dialling. Like pulumi-command, wait for a running command."""
        self._cancelled.set()

    async def _run(self, script: str | None, command: inputs.Command, urn: str, timeout: float) -> Properties:
        """Run the script and return its outputs. Only `additional_secret_outputs` makes them secret."""
        if script is None:
            return _outputs("", "")
        # Imported late: asyncssh takes 0.1 s, and an `up` without changes does not need it.
        from sandbox.command import dial, session

        deadline = asyncio.get_running_loop().time() + timeout if timeout else None
        operation = Operation(self._log(urn), self._cancelled, deadline)
        async with dial.connect(command.endpoint, command.proxy, operation) as client:
            output = await session.run(client, script, command, operation)
        return _outputs(output.stdout, output.stderr)


def _only_remote_command(kind: str) -> None:
    # The SDK's request.type is the URN's qualified type: for a child of a component, "parent's type$own type".
    if kind.rpartition("$")[2] != TYPE:
        raise CommandError(_unsupported(kind))


def _unsupported(token: str) -> str:
    return (
        f"the sandbox's emulation of pulumi-command supports only {TYPE}, not {token}; "
        "put the official plugin pulumi-resource-command into a folder and set SANDBOX_PLUGINS to it"
    )


def _old_inputs(state: Mapping[str, PropertyValue]) -> Properties:
    """Return the inputs of the last run, which the state contains."""
    return {name: value for name, value in without_nulls(state).items() if name not in inputs.OUTPUTS}


def _ignoring(names: list[str], old: Properties, new: Properties) -> Properties:
    return {**new, **{name: old[name] for name in names if name in old}}


def _outputs(stdout: str, stderr: str) -> Properties:
    return {"stdout": PropertyValue(stdout), "stderr": PropertyValue(stderr)}
