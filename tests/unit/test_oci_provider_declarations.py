"""The declarations of the emulated Oracle Cloud, held against the pulumi_oci SDK itself: nothing here is made up."""

from __future__ import annotations

import importlib
import importlib.metadata
import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args, get_origin

import pytest
from pulumi import _types as pulumi_types

from sandbox.oci import check, sdk
from sandbox.oci.catalogue import FUNCTIONS, RESOURCES
from sandbox.oci.function import Function
from sandbox.oci.resource import Resource
from sandbox.oci.sdk import Field, ListOf, MapOf, Object, Type
from sandbox.oci.wire import UNKNOWN
from tests.unit.oci_cloud import IMAGE, TYPES, Tenancy

resources = pytest.mark.parametrize("resource", RESOURCES.values(), ids=TYPES)
functions = pytest.mark.parametrize(
    "function", FUNCTIONS.values(), ids=[token.rsplit(":", 1)[1] for token in FUNCTIONS]
)
SERVICES = {"Core": "core", "Artifacts": "artifacts", "Identity": "identity", "ObjectStorage": "objectstorage"}
SERVICES["ContainerEngine"] = "containerengine"


def sdk_class(token: str, name: str) -> Any:
    """The class itself, by import: what sdk.py reads from the source without one."""
    return getattr(importlib.import_module(f"pulumi_oci.{SERVICES[token.split(':')[1].split('/')[0]]}"), name)


@resources
def test_the_inputs_read_from_the_source_are_those_of_the_sdks_class(resource: Resource) -> None:
    args = sdk_class(resource.type, resource.type.rsplit(":", 1)[1] + "Args")
    names = pulumi_types.input_type_py_to_pulumi_names(args)
    required = {
        names[p.name] for p in inspect.signature(args).parameters.values() if p.default is inspect.Parameter.empty
    }
    found = sdk.inputs(resource.type)
    assert set(found) == set(names.values())
    assert {name for name, field in found.items() if field.required} == required


@resources
def test_nested_inputs_read_from_the_source_are_those_of_the_sdks_classes(resource: Resource) -> None:
    for path, kind in objects(sdk.inputs(resource.type)):
        args = sdk_class(resource.type, kind.name)
        assert set(kind.fields) == set(pulumi_types.input_type_py_to_pulumi_names(args).values()), path


@resources
def test_every_declared_input_is_one_of_the_sdks(resource: Resource) -> None:
    known = set(input_paths(sdk.inputs(resource.type)))
    free = {"metadata.user_data", "metadata.ssh_authorized_keys"}
    declared = {*resource.inputs.declared, *resource.defaults, *resource.checks}
    # What is adopted still refers to its VCN, which is no input of it.
    references = set(resource.references) - ({"vcnId"} if "manageDefaultResourceId" in known else set())
    assert declared | references <= known | free


@resources
def test_every_required_input_is_declared(resource: Resource) -> None:
    required = {name for name, field in sdk.inputs(resource.type).items() if field.required}
    assert {name for name in required if not resource.inputs.knows(name)} == set()


@resources
def test_new_resource_has_only_sdk_outputs_of_the_right_type(resource: Resource, tmp_path: Path) -> None:
    tenancy = Tenancy(tmp_path)
    name = resource.type.rsplit(":", 1)[1]
    if name.startswith("Default"):
        vcn = tenancy.make("Vcn").properties
        record = tenancy.make(name, manageDefaultResourceId=vcn[f"{name[0].lower()}{name[1:]}Id"])
    else:
        record = tenancy.make(name)
    types = output_types(sdk_class(resource.type, name))
    reported = {key: value for key, value in record.properties.items() if key in sdk.outputs(resource.type)}
    assert set(reported) >= {"timeCreated"} & sdk.outputs(resource.type)
    for key, value in reported.items():
        assert fits(value, types[key]), (key, value, types[key])
    # What comes back from the cloud is no change, or the second `up` would not be quiet.
    assert resource.changes(reported, resource.checked(resource.given(reported, {}))[0]) == []


@functions
def test_a_function_answers_only_with_outputs_of_the_sdk(function: Function, tmp_path: Path) -> None:
    tenancy = Tenancy(tmp_path)
    ids: dict[str, Callable[[], str]] = {
        "vcnId": lambda: tenancy.make("Vcn").id,
        "subnetId": lambda: tenancy.make("Subnet").id,
        "repositoryId": lambda: tenancy.make("ContainerRepository").id,
        "compartmentId": lambda: "ocid1.tenancy.oc1..sandbox",
        "tenancyId": lambda: "ocid1.tenancy.oc1..sandbox",
        "clusterId": lambda: tenancy.make("Cluster").id,
        "clusterOptionId": lambda: "all",
        "nodePoolOptionId": lambda: "all",
        "userId": lambda: "ocid1.user.oc1..sandbox",
        "imageId": lambda: IMAGE,
    }
    given = {name: ids[name]() for name, field in sdk.arguments(function.type).items() if field.required}
    assert function.problems(given) == []
    result = sdk_class(function.type, f"Get{function.type.rsplit(':get', 1)[1]}Result")
    types = output_types(result)
    for key, value in function(tenancy.cloud, given).items():
        assert key in types, key
        assert fits(value, types[key]), (key, value, types[key])


def test_error_names_a_type_missing_in_the_sdk() -> None:
    with pytest.raises(sdk.NotInSdkError, match="vnc"):
        sdk.inputs("oci:Core/vnc:Vnc")


def test_the_version_is_that_of_the_sdk() -> None:
    assert sdk.version() == importlib.metadata.version("pulumi_oci")


def test_what_is_not_known_yet_passes_the_check() -> None:
    fields = sdk.inputs("oci:Core/subnet:Subnet")
    assert list(check.typed(dict.fromkeys(fields, UNKNOWN), fields)) == []


def objects(fields: dict[str, Field], path: str = "") -> Iterator[tuple[str, Object]]:
    for name, field in fields.items():
        kind: Type = field.type
        while isinstance(kind, ListOf | MapOf):
            kind = kind.element
        if isinstance(kind, Object):
            yield f"{path}{name}", kind
            yield from objects(kind.fields, f"{path}{name}.")


def input_paths(fields: dict[str, Field]) -> Iterator[str]:
    yield from fields
    for path, kind in objects(fields):
        yield from (f"{path}.{name}" for name in kind.fields)


def output_types(cls: Any) -> dict[str, Any]:
    """The outputs of a resource class or of an output type, by their names on the wire, with their types."""
    return pulumi_types.output_type_types(cls) if pulumi_types.is_output_type(cls) else pulumi_types.resource_types(cls)


def fits(value: Any, kind: Any) -> bool:
    """Whether a value on the wire is of a type of the SDK."""
    kind = pulumi_types.unwrap_type(kind)
    if kind is Any:
        return True
    if pulumi_types.is_output_type(kind):
        types = output_types(kind)
        return isinstance(value, dict) and all(
            name in types and fits(part, types[name]) for name, part in value.items()
        )
    origin = get_origin(kind)
    if origin is not None and isinstance(value, list):
        return all(fits(item, get_args(kind)[0]) for item in value)
    if origin is not None and isinstance(value, dict):
        return all(fits(item, get_args(kind)[1]) for item in value.values())
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return type(value) is kind
