"""The provider which the engine talks to. It knows no resource type: it looks them up (catalogue.py) and runs their life."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pulumi.provider.experimental import provider as api
from pulumi.provider.experimental.property_value import PropertyValue

from sandbox import paths
from sandbox.oci import sdk
from sandbox.oci.catalogue import FUNCTIONS, RESOURCES
from sandbox.oci.cloud import Cloud
from sandbox.oci.errors import Problem, ServiceError, UnsupportedError
from sandbox.oci.resource import DEFAULTS, Resource
from sandbox.oci.values import at
from sandbox.oci.wire import Properties, plain, wire
from specs import oci_profile

T = TypeVar("T")

# The account that may be in use: the sandbox's one region and tenancy, and each of its users.
_ACCOUNT = {"region": [paths.REGION], "tenancyOcid": [paths.TENANCY_OCID], "userOcid": [*paths.USERS]}


class OciProvider(api.Provider):
    """Pulumi's provider `oci` on the sandbox's cloud. Requests of one engine run side by side in threads; the cloud has the locks."""

    def __init__(
        self, cloud: Cloud, environment: Mapping[str, str] = os.environ, file: Path = oci_profile.CONFIG_FILE
    ) -> None:
        self.cloud, self.environment, self.file = cloud, environment, file
        self.under_way = 0

    # --- configuration -------------------------------------------------------------------------------------------------------------

    async def check_config(self, request: api.CheckRequest) -> api.CheckResponse:
        """Refuse what the provider cannot be configured with."""
        known = sdk.config_names() | {"version", "pluginDownloadURL"}
        failures = [
            api.CheckFailure(name, f"is not a configuration key of oci: {name}")
            for name in request.new_inputs.keys() - known
        ]
        return api.CheckResponse(inputs=request.new_inputs, failures=failures)

    async def configure(self, request: api.ConfigureRequest) -> api.ConfigureResponse:
        """Take the account, from where the OCI provider reads it; there is one, in one region."""
        account = oci_profile.read(plain(request.args).get, self.environment, self.file)
        found = {"region": account.region, "tenancyOcid": account.tenancy_ocid, "userOcid": account.user_ocid}
        for name, expected in _ACCOUNT.items():
            if not found[name]:
                raise UnsupportedError(
                    f"oci:{name} is not configured, nor its TF_VAR_ variable set, nor in ~/.oci/config: reading accounts from elsewhere"
                )
            if name == "region" and found[name] not in expected:
                raise UnsupportedError(f"oci:region is {found[name]}: another region than {paths.REGION}")
            if found[name] not in expected:
                message = "The required information to complete authentication was not provided or was incorrect."
                told = f"oci:{name} must be {' or '.join(expected)} in the sandbox."
                raise ServiceError(401, "NotAuthenticated", f"{message} {told}")
        return api.ConfigureResponse(
            accept_secrets=False, supports_preview=True, accept_resources=False, accept_outputs=False
        )

    # --- functions -----------------------------------------------------------------------------------------------------------------

    async def invoke(self, request: api.InvokeRequest) -> api.InvokeResponse:
        """Call a function."""
        function = FUNCTIONS.get(request.tok)
        if function is None:
            raise _not_in(request.tok, sdk.arguments)
        arguments = plain(request.args)
        if problems := function.problems(arguments):
            return api.InvokeResponse(failures=[api.CheckFailure(problem.path, problem.reason) for problem in problems])
        return api.InvokeResponse(return_value=wire(await self._run(lambda: function(self.cloud, arguments))))

    # --- resources -----------------------------------------------------------------------------------------------------------------

    async def check(self, request: api.CheckRequest) -> api.CheckResponse:
        """Check the inputs and fill defaults in: those which the resource was made with, or which a refresh found."""
        resource, given = _type(request.type), plain(request.new_inputs)
        inputs, problems = resource.checked(given, plain(request.old_inputs))
        filled = [path for path in resource.defaults if at(inputs, path) and not at(given, path)]
        return api.CheckResponse(
            inputs=wire({**inputs, DEFAULTS: filled}), failures=[_failure(problem) for problem in problems]
        )

    async def diff(self, request: api.DiffRequest) -> api.DiffResponse:
        """Say what is to be done to get from the state to the inputs."""
        resource = _type(request.type)
        changes = resource.changes(plain(request.old_state), _inputs(request.new_inputs))
        replaces = sorted({change.key for change in changes if change.replaces})
        return api.DiffResponse(
            changes=bool(changes),
            replaces=replaces,
            diffs=sorted({change.key for change in changes}),
            # source: pulumi-terraform-bridge, nameRequiresDeleteBeforeReplace: two of one name are taken for impossible.
            delete_before_replace=bool(replaces) and "name" in resource.fields,
            detailed_diff={change.place: api.PropertyDiff(change.kind, input_diff=False) for change in changes},
        )

    async def create(self, request: api.CreateRequest) -> api.CreateResponse:
        """Make a resource, or tell what of it is known beforehand."""
        resource, inputs = _type(request.type), _inputs(request.properties)
        if request.preview:
            return api.CreateResponse(properties=wire(resource.preview(inputs)))
        record = await self._run(lambda: resource.create(self.cloud, inputs))
        return api.CreateResponse(record.id, wire(resource.outputs(record)))

    async def read(self, request: api.ReadRequest) -> api.ReadResponse:
        """Tell what a resource is now; no id when it is gone."""
        resource = _type(request.type)
        record = await self._run(lambda: resource.read(self.cloud, request.resource_id))
        if record is None:
            return api.ReadResponse()
        state, known = resource.outputs(record), plain(request.properties)
        if "manageDefaultResourceId" in known:
            state["manageDefaultResourceId"] = known["manageDefaultResourceId"]
        return api.ReadResponse(record.id, wire(state), wire(resource.given(state, _inputs(request.inputs))))

    async def update(self, request: api.UpdateRequest) -> api.UpdateResponse:
        """Change a resource in place, or tell what of it is known beforehand."""
        resource, olds, inputs = _type(request.type), plain(request.olds), _inputs(request.news)
        resource.plan(olds, inputs)
        if request.preview:
            return api.UpdateResponse(wire(resource.updated(olds, inputs)))
        record = await self._run(lambda: resource.update(self.cloud, request.resource_id, inputs))
        return api.UpdateResponse(wire(resource.outputs(record)))

    async def delete(self, request: api.DeleteRequest) -> None:
        """Delete a resource; content when it is gone."""
        resource = _type(request.type)
        await self._run(lambda: resource.delete(self.cloud, request.resource_id))

    async def _run(self, work: Callable[[], T]) -> T:
        """Work that may take long, outside of the server's loop."""
        self.under_way += 1
        try:
            return await asyncio.to_thread(work)
        finally:
            self.under_way -= 1


def _type(qualified: str) -> Resource:
    # The SDK's request.type is the URN's qualified type: for a child of a component, "parent's type$own type".
    token = qualified.rpartition("$")[2]
    resource = RESOURCES.get(token)
    if resource is None:
        raise _not_in(token, sdk.inputs)
    return resource


def _not_in(token: str, look_up: Callable[[str], Any]) -> Exception:
    """Why there is no such thing here: because pulumi-oci has none, or only the emulator."""
    try:
        look_up(token)
    except sdk.NotInSdkError as error:
        return UnsupportedError(f"{token}: {error}")
    return UnsupportedError(token)


def _inputs(properties: Mapping[str, PropertyValue]) -> Properties:
    return {name: value for name, value in plain(properties).items() if name != DEFAULTS}


def _failure(problem: Problem) -> api.CheckFailure:
    # The engine prints the value of the property that it is given: a path in the reason keeps inputs out of messages.
    return api.CheckFailure("", f"{problem.path} {problem.reason}")
