"""The emulated Oracle Cloud as the engine talks to it: configuration, requests, previews."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from pulumi.provider.experimental import provider as api
from pulumi.provider.experimental.property_value import PropertyValue

from sandbox import paths
from sandbox.oci.errors import ServiceError, UnsupportedError
from sandbox.oci.provider import OciProvider
from sandbox.oci.wire import UNKNOWN, plain, wire
from tests.unit.oci_cloud import TENANCY, TYPES, Tenancy

VCN = "oci:Core/vcn:Vcn"
ACCOUNT = {"region": "eu-frankfurt-1", "tenancyOcid": TENANCY, "userOcid": "ocid1.user.oc1..sandbox"}
UNKNOWN_ON_THE_WIRE = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"


@pytest.fixture
def tenancy(tmp_path: Path) -> Tenancy:
    return Tenancy(tmp_path)


@pytest.fixture
def provider(tenancy: Tenancy) -> OciProvider:
    return OciProvider(tenancy.cloud, {}, tenancy.cloud.root / "none")


def urn(token: str) -> str:
    return f"urn:pulumi:dev::project::{token}::name"


def configure(provider: OciProvider, **settings: Any) -> api.ConfigureResponse:
    return asyncio.run(provider.configure(api.ConfigureRequest({}, wire(settings), True, True)))


def create(provider: OciProvider, token: str, preview: bool = False, **inputs: Any) -> api.CreateResponse:
    return asyncio.run(provider.create(api.CreateRequest(urn(token), wire(inputs), 0, preview)))


def test_sandbox_account_is_accepted(provider: OciProvider) -> None:
    answer = configure(provider, **ACCOUNT)
    assert (answer.supports_preview, answer.accept_secrets) == (True, False)


def test_the_account_may_come_from_the_environment(tenancy: Tenancy) -> None:
    variables = {
        "TF_VAR_region": ACCOUNT["region"],
        "TF_VAR_tenancy_ocid": ACCOUNT["tenancyOcid"],
        "TF_VAR_user_ocid": ACCOUNT["userOcid"],
    }
    assert configure(OciProvider(tenancy.cloud, variables)).supports_preview


def test_the_account_may_come_from_its_file_and_be_another_user_of_the_tenancy(
    tenancy: Tenancy, tmp_path: Path
) -> None:
    file = tmp_path / "config"
    file.write_text(
        f"[DEFAULT]\nregion={ACCOUNT['region']}\ntenancy={ACCOUNT['tenancyOcid']}\nuser={paths.COLLEAGUE_OCID}\n"
    )
    assert configure(OciProvider(tenancy.cloud, {}, file)).supports_preview


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"region": "eu-zurich-1"}, UnsupportedError, "another region than eu-frankfurt-1"),
        ({"region": ""}, UnsupportedError, "oci:region is not configured"),
        ({"tenancyOcid": "ocid1.tenancy.oc1..real"}, ServiceError, "401-NotAuthenticated"),
        ({"userOcid": "ocid1.user.oc1..real"}, ServiceError, "401-NotAuthenticated"),
    ],
)
def test_another_account_is_refused(
    provider: OciProvider, changes: dict[str, str], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        configure(provider, **{**ACCOUNT, **changes})


def test_unknown_provider_configuration_key_is_refused(provider: OciProvider) -> None:
    request = api.CheckRequest("", {}, wire({"region": "x", "tenancyOcd": "y", "version": "5.5.0"}), b"")
    answer = asyncio.run(provider.check_config(request))
    assert [failure.property for failure in answer.failures or []] == ["tenancyOcd"]


@pytest.mark.parametrize(
    ("token", "words"),
    [
        ("oci:Core/drg:Drg", "oci:Core/drg:Drg .not supported by the sandbox's Oracle Cloud"),
        ("oci:Core/vnc:Vnc", "pulumi_oci 5.5.0 has no core.vnc"),
        ("oci:core:Vcn", "oci:core:Vcn is not a type of pulumi_oci"),
    ],
)
def test_error_names_an_unknown_type(provider: OciProvider, token: str, words: str) -> None:
    with pytest.raises(UnsupportedError, match=words):
        asyncio.run(provider.check(api.CheckRequest(urn(token), {}, {}, b"")))


@pytest.mark.parametrize(
    ("token", "words"),
    [
        ("oci:Core/getShapes:getShapes", "oci:Core/getShapes:getShapes .not supported by the sandbox's Oracle Cloud"),
        ("oci:Core/getShaps:getShaps", "pulumi_oci 5.5.0 has no core.get_shaps"),
    ],
)
def test_error_names_an_unknown_function(provider: OciProvider, token: str, words: str) -> None:
    with pytest.raises(UnsupportedError, match=words):
        asyncio.run(provider.invoke(api.InvokeRequest(token, {})))


def test_wrong_arguments_of_a_function_are_failures(provider: OciProvider) -> None:
    request = api.InvokeRequest("oci:Identity/getUser:getUser", wire({"userId": 7}))
    answer = asyncio.run(provider.invoke(request))
    assert [(failure.property, failure.reason) for failure in answer.failures] == [
        ("userId", "must be a string, not a number")
    ]


def test_a_check_names_the_place_in_the_reason_and_no_property(provider: OciProvider) -> None:
    request = api.CheckRequest(urn(VCN), {}, wire({"compartmentId": TENANCY, "cidrBlocks": [7]}), b"")
    answer = asyncio.run(provider.check(request))
    assert [(f.property, f.reason) for f in answer.failures or []] == [
        ("", "cidrBlocks[0] must be a string, not a number")
    ]


def test_a_preview_makes_nothing_and_writes_nothing(provider: OciProvider, tenancy: Tenancy) -> None:
    answer = create(provider, VCN, preview=True, compartmentId=TENANCY, cidrBlocks=["10.0.0.0/16"])
    assert answer.resource_id is None
    assert answer.properties["cidrBlocks"] == PropertyValue([PropertyValue("10.0.0.0/16")])
    assert answer.properties["defaultSecurityListId"].value == UNKNOWN_ON_THE_WIRE
    assert not tenancy.cloud.root.exists()


def test_create_read_update_and_delete(provider: OciProvider) -> None:
    inputs: dict[str, Any] = {"compartmentId": TENANCY, "cidrBlocks": ["10.0.0.0/16"]}
    made = create(provider, VCN, **inputs)
    assert made.resource_id is not None
    read = api.ReadRequest(urn(VCN), made.resource_id, made.properties, wire(inputs))
    seen = asyncio.run(provider.read(read))
    assert (seen.resource_id, seen.properties, plain(seen.inputs)) == (made.resource_id, made.properties, inputs)

    news = wire({**inputs, "displayName": "mine"})
    diff = asyncio.run(provider.diff(api.DiffRequest(urn(VCN), made.resource_id, made.properties, news, [])))
    assert (diff.changes, diff.replaces, diff.diffs) == (True, [], ["displayName"])
    for preview in (True, False):
        update = api.UpdateRequest(urn(VCN), made.resource_id, made.properties, news, 0, [], preview)
        properties = asyncio.run(provider.update(update)).properties
        assert properties["displayName"].value == "mine"
        assert properties["defaultRouteTableId"] == made.properties["defaultRouteTableId"]
        assert asyncio.run(provider.read(read)).properties["displayName"].value != "mine" or not preview

    asyncio.run(provider.delete(api.DeleteRequest(urn(VCN), made.resource_id, made.properties, 0)))
    assert not asyncio.run(provider.read(read)).resource_id


@pytest.mark.parametrize(
    ("known", "enabled", "filled"),
    [
        ({}, True, ["enabled"]),
        # As a refresh leaves it, which found the gateway disabled and takes the list of defaults away.
        ({"enabled": False}, False, ["enabled"]),
        ({"enabled": False, "__defaults": ["enabled"]}, False, ["enabled"]),
        # The program said so before and does not any more.
        ({"enabled": False, "__defaults": []}, True, ["enabled"]),
    ],
)
def test_a_default_stays_as_it_is_in_the_state(
    provider: OciProvider, known: dict[str, Any], enabled: bool, filled: list[str]
) -> None:
    inputs = {"compartmentId": TENANCY, "vcnId": "ocid1.vcn.oc1..x"}
    request = api.CheckRequest(urn("oci:Core/internetGateway:InternetGateway"), wire(known), wire(inputs), b"")
    answer = asyncio.run(provider.check(request))
    assert plain(answer.inputs or {}) == {**inputs, "enabled": enabled, "__defaults": filled}


@pytest.mark.parametrize(
    ("type_name", "changes", "replaces", "deleted_first"),
    [
        ("Cluster", {"vcnId": "other"}, ["vcnId"], True),
        ("Cluster", {"endpointConfig": {"subnetId": "other", "isPublicIpEnabled": True}}, ["__meta"], True),
        ("Cluster", {"name": "other"}, [], False),
        ("NodePool", {"clusterId": "other"}, ["clusterId"], True),
        ("Instance", {"createVnicDetails": {"subnetId": "other"}}, ["createVnicDetails"], False),
        ("Instance", {"metadata": {"ssh_authorized_keys": "other"}}, ["__meta"], False),
    ],
)
def test_a_replacement_has_the_keys_and_the_order_of_the_official_provider(
    provider: OciProvider,
    tenancy: Tenancy,
    type_name: str,
    changes: dict[str, Any],
    replaces: list[str],
    deleted_first: bool,
) -> None:
    inputs = tenancy.inputs(type_name)
    made = tenancy.make(type_name, **inputs)
    token = TYPES[type_name].type
    request = api.DiffRequest(urn(token), made.id, wire(made.properties), wire({**inputs, **changes}), [])
    diff = asyncio.run(provider.diff(request))
    assert (diff.replaces, diff.delete_before_replace) == (replaces, deleted_first)


def test_imported_resource_keeps_its_inputs_through_a_refresh(provider: OciProvider) -> None:
    vcn = create(provider, VCN, compartmentId=TENANCY, cidrBlocks=["10.0.0.0/16"])
    token = "oci:Core/defaultSecurityList:DefaultSecurityList"
    inputs: dict[str, Any] = {"manageDefaultResourceId": vcn.properties["defaultSecurityListId"].value}
    made = create(provider, token, **inputs)
    assert made.resource_id == inputs["manageDefaultResourceId"]
    seen = asyncio.run(
        provider.read(api.ReadRequest(urn(token), made.resource_id or "", made.properties, wire(inputs)))
    )
    assert plain(seen.inputs) == inputs
    assert seen.properties == made.properties


def test_values_survive_the_wire() -> None:
    values = {"text": "x", "flag": True, "number": 1.5, "list": ["a", {"b": 2.0}], "later": UNKNOWN}
    assert plain(wire(values)) == values
    assert plain({**wire(values), "nothing": PropertyValue.null()}) == values
