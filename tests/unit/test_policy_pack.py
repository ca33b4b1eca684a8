"""The pack as a whole: exceptions, what the engine hands over, its documentation, and what the program gives it to see."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import grpc  # type: ignore[import-untyped]
import pytest
import yaml
from google.protobuf.empty_pb2 import Empty  # type: ignore[import-untyped]
from pulumi.runtime.proto import analyzer_pb2, analyzer_pb2_grpc
from pulumi_policy.deserialize import SPECIAL_SECRET_SIG, SPECIAL_SIG_KEY, deserialize_properties
from pulumi_policy.proxy import unknown_checking_proxy

from policy import data, exceptions, handover, network, pack, tags
from policy.exceptions import ExceptionsError
from policy.rule import UNKNOWN, Resource, SecretText, Stack
from sandbox.oci import sdk as oci_sdk
from specs import tags as program_tags
from specs.oci_profile import SECRETS
from tests.unit.conftest import ROOT
from tests.unit.kubernetes_values import kubernetes_stack
from tests.unit.recorded_program import Run, run_program

__all__ = ["kubernetes_stack"]

EXCEPTABLE = {"always-free", "data-kept", "no-public-load-balancer"}
DOCUMENT = ROOT / "docs" / "policies.md"


def read(text: str | None) -> Sequence[str]:
    return exceptions.read({} if text is None else {exceptions.KEY: text}, pack.POLICIES, "dev")


def test_a_stack_may_name_exceptions() -> None:
    assert read(None) == read("[]") == ()
    assert read('["always-free", "data-kept"]') == ("always-free", "data-kept")
    assert {policy.name for policy in pack.POLICIES if policy.may_be_excepted} == EXCEPTABLE


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('["no-such"]', "policy:exceptions[0] in Pulumi.dev.yaml: no-such is no policy"),
        ('["data-kept", "images-by-digest"]', "policy:exceptions[1] in Pulumi.dev.yaml: images-by-digest holds for every stack"),
        ("[7]", "7 is no policy"),
        ('[{"always-free": "because"}]', 'policy:exceptions[0] in Pulumi.dev.yaml: {"always-free": "because"} is no policy'),
        ('[["always-free"]]', '["always-free"] is no policy'),
        ("data-kept", "is data-kept"),
        ('{"data-kept": true}', "It is an array"),
    ],
)  # fmt: skip
def test_a_wrong_exception_is_an_error_with_those_there_are(text: str, words: str) -> None:
    with pytest.raises(ExceptionsError) as raised:
        read(text)
    assert words in str(raised.value)
    assert all(name in str(raised.value) for name in EXCEPTABLE)
    # What is wrong, not an exception beside it, is replaced.
    place = int(words[words.index("[") + 1]) if words.startswith("policy:exceptions[") else 0
    assert f"pulumi config set --path 'policy:exceptions[{place}]'" in str(raised.value)


def test_following_what_the_messages_say_keeps_every_exception() -> None:
    bound = pack._Bound(pack.POLICIES)
    bound.configure(Stack(name="local"), {exceptions.KEY: '["data-kept"]'})
    balancer, free, images = (
        next(one for one in pack.POLICIES if one.name == name)
        for name in ("no-public-load-balancer", "always-free", "images-by-digest")
    )

    def places(message: str) -> list[str]:
        return re.findall(r"--path 'policy:exceptions(\[\d\]' \S+)$", message, re.MULTILINE)

    assert places(bound._message(images, "wrong")) == []
    assert places(bound._message(balancer, "wrong")) == ["[1]' no-public-load-balancer"]
    told = bound._message(free, "wrong")
    assert places(told) == ["[2]' always-free"]
    assert "after the same for no-public-load-balancer" in told
    assert places(bound._message(balancer, "wrong as well")) == ["[1]' no-public-load-balancer"]
    # An `up` begins anew after its preview.
    bound.configure(Stack(name="local"), {})
    assert places(bound._message(free, "wrong")) == ["[0]' always-free"]


def test_names_are_unique_and_every_policy_checks_resources_the_stack_or_both() -> None:
    assert len({policy.name for policy in pack.POLICIES}) == len(pack.POLICIES) == 8
    assert all(policy.check or policy.check_stack for policy in pack.POLICIES)


def test_the_table_in_the_documentation_is_that_of_the_pack() -> None:
    rows = re.findall(r"^\| `([a-z0-9-]+)` \|(.*)\|$", DOCUMENT.read_text(), re.MULTILINE)
    wanted = [
        (one.name, [one.asks, one.why, one.remedy, "may be named" if one.may_be_excepted else "none"])
        for one in pack.POLICIES
    ]
    assert [(name, [cell.strip() for cell in cells.split(" | ")]) for name, cells in rows] == wanted


def test_types_without_tags_are_those_of_the_provider_that_take_none() -> None:
    rows = dict(re.findall(r"^\| `(oci:[^`]+)` \| (.*) \|$", DOCUMENT.read_text(), re.MULTILINE))
    assert rows == tags.UNTAGGED
    for kind in tags.UNTAGGED:
        assert "freeformTags" not in oci_sdk.inputs(kind), kind


def made_of(run: Run) -> Mapping[str, Any]:
    return {name: asked for name, asked in run.resources.items() if asked.type.startswith("oci:")}


def check_tags(run: Run) -> None:
    wanted = tags.required(Stack(name="oke", project="containerised-app"))
    assert program_tags.tags("containerised-app", "oke") == wanted
    for name, asked in made_of(run).items():
        if "freeformTags" in oci_sdk.inputs(asked.type):
            assert wanted.items() <= asked.inputs["freeformTags"].items(), name
        else:
            assert asked.type in tags.UNTAGGED, name


def holders(run: Run) -> dict[str, tuple[bool, Any]]:
    """What holds data: whether Pulumi is told to retain it, and what its tag says."""
    found = {}
    for name, asked in run.resources.items():
        if place := data.HOLDERS.get(asked.type):
            value: Any = asked.inputs
            for part in place.split("."):
                value = value.get(part, {})
            found[name] = (asked.retained, value)
    return found


@pytest.mark.parametrize("kept", [True, False])
def test_what_the_program_makes_is_tagged_and_says_truly_whether_its_data_stay(
    values: dict[str, Any], kubernetes_stack: dict[str, Any], kept: bool
) -> None:
    instance = run_program({**values, "retainData": kept})
    cluster = run_program({**kubernetes_stack, "retainClaim": kept, "dataVolumeId": "ocid1.volume.oc1.x.kept"})
    for run in (instance, cluster):
        check_tags(run)
    told = {**holders(instance), **holders(cluster)}
    assert {name.removeprefix("jupyterlab-") for name in told} == {"data", "claim", "volume", "namespace"}
    assert set(told.values()) == {(kept, "keep" if kept else "delete")}


@pytest.mark.parametrize("kept", [True, False])
def test_what_is_taken_over_says_what_this_stack_does_with_it(values: dict[str, Any], kept: bool) -> None:
    taken = {"dataVolumeId": "ocid1.volume.oc1.x.kept", "repositoryId": "ocid1.containerrepo.oc1.x.kept"}
    run = run_program({**values, **taken, "retainData": kept})
    imported = {name for name, asked in made_of(run).items() if asked.options.importId}
    assert imported == {"jupyterlab-data", "jupyterlab-repository"}
    check_tags(run)
    assert holders(run) == {"jupyterlab-data": (kept, "keep" if kept else "delete")}
    # Policies are shown an ignored tag as its maker left it.
    assert not any("freeformTags" in asked.options.ignoreChanges for asked in made_of(run).values())


def as_policies_see(run: Run) -> Sequence[Resource]:
    """The program's resources, with their names for URNs."""
    found = []
    for name, asked in run.resources.items():
        dependencies = {key: list[str]() for key in asked.inputs}
        for key, of_property in asked.options.propertyDependencies.items():
            dependencies[key] = [urn.rpartition("::")[2] for urn in of_property.urns]
        found.append(Resource(asked.type, name, asked.inputs, urn=name, property_dependencies=dependencies))
    return found


@pytest.mark.parametrize(
    ("theirs", "subnets"),
    [
        ({}, {"jupyterlab-subnet"}),
        ({"subnetId": "ocid1.subnet.oc1.x.theirs"}, set()),
        ({"target": "kubernetes"}, {"jupyterlab-api-subnet", "jupyterlab-nodes-subnet", "jupyterlab-load-balancer-subnet"}),
        (
            {
                "target": "kubernetes",
                "clusterId": "ocid1.cluster.oc1.x.theirs",
                "loadBalancerSubnetId": "ocid1.subnet.oc1.x.theirs",
                "apiNetworks": [],
            },
            set(),
        ),
    ],
)  # fmt: skip
def test_no_subnet_of_the_program_takes_the_default_security_list_that_oracle_makes(
    values: dict[str, Any], kubernetes_stack: dict[str, Any], theirs: Mapping[str, Any], subnets: set[str]
) -> None:
    seen = as_policies_see(run_program({**(kubernetes_stack if "target" in theirs else values), **theirs}))
    assert not list(network.default_lists_as_made(seen, Stack()))
    without = [one for one in seen if one.type != "oci:Core/defaultSecurityList:DefaultSecurityList"]
    assert {told.split()[0] for told in network.default_lists_as_made(without, Stack())} == subnets


def test_policies_see_which_values_are_secret_and_which_are_not_known() -> None:
    mark = {SPECIAL_SIG_KEY: SPECIAL_SECRET_SIG}
    properties = {
        "plain": "a",
        "secret": {**mark, "value": "b"},
        "inside": {**mark, "value": {"list": ["c"], "number": 7}},
        "later": "04da6b54-80e4-46f7-96ec-b56ff0331ba9",
        "later-secret": {**mark, "value": "04da6b54-80e4-46f7-96ec-b56ff0331ba9"},
    }
    seen = handover.plain(unknown_checking_proxy(deserialize_properties(handover._marked(properties))))
    assert seen == {
        "plain": "a",
        "secret": "b",
        "inside": {"list": ["c"], "number": 7},
        "later": UNKNOWN,
        "later-secret": UNKNOWN,
    }
    assert [isinstance(value, SecretText) for value in (seen["plain"], seen["secret"], seen["inside"]["list"][0])] == [
        False,
        True,
        True,
    ]


def engine_args(kind: str, props: Mapping[str, Any], provider: Any = None, **dependencies: Sequence[str]) -> Any:
    """As pulumi-policy hands over a resource "one"; dependencies: property to URNs."""
    return SimpleNamespace(
        resource_type=kind,
        name="one",
        urn="urn:one",
        props=props,
        provider=provider,
        opts=SimpleNamespace(protect=False, ignore_changes=[]),
        property_dependencies={name: [SimpleNamespace(urn=urn) for urn in urns] for name, urns in dependencies.items()},
    )


@pytest.mark.parametrize(
    ("kind", "provider", "expected"),
    [
        ("pulumi:pulumi:Stack", None, True),
        ("containerised-app:network:Network", None, True),
        ("oci:Core/vcn:Vcn", object(), False),
        ("pulumi:providers:oci", None, False),
        ("pulumi:pulumi:StackReference", None, False),
    ],
)
def test_a_component_is_what_has_outputs_by_the_program(kind: str, provider: Any, expected: bool) -> None:
    assert pack._resource(engine_args(kind, {}, provider)).is_component == expected


def test_policies_of_the_stack_see_what_is_given_and_what_came_of_it() -> None:
    bound = pack._Bound(pack.POLICIES)
    bound.seen["urn:one"] = pack._resource(engine_args("a:b:C", {"vcnId": "x", "token": SecretText("t"), "n": 1}))
    args = engine_args("a:b:C", {"token": "t", "made": "later"}, vcnId=["urn:vcn"], gone=["urn:vcn"])
    seen = bound._whole(args)
    assert seen.inputs == {"vcnId": "x", "token": "t", "n": 1, "made": "later"}
    assert isinstance(seen.inputs["token"], SecretText)
    assert not isinstance(seen.outputs["token"], SecretText)
    assert seen.property_dependencies == {"vcnId": ["urn:vcn"], "token": [], "n": []}
    # What is read, not made.
    assert pack._Bound(pack.POLICIES)._whole(args).property_dependencies == {}


def test_each_text_of_a_secret_value_is_looked_for() -> None:
    assert dict(handover.texts("a:password", "12345678")) == {"a:password": "12345678"}
    assert dict(handover.texts("a:files", '{"token": "t0ken", "more": ["x", 1]}')) == {
        "a:files.token": "t0ken",
        "a:files.more[0]": "x",
    }


def test_an_encrypted_key_of_the_provider_that_names_a_thing_is_no_secret() -> None:
    names = ["oci:tenancyOcid", "oci:userOcid", "oci:fingerprint", "oci:region"]
    config = dict.fromkeys([*names, *handover.SECRETS_OF_OCI, "app:password", "app:port", "other:key"], "a value")
    encrypted = [key for key in config if key != "app:port"]
    assert handover.secrets(config, encrypted, "app").keys() == {*handover.SECRETS_OF_OCI, "app:password"}
    assert handover.secrets({"app:files": '{"token": "t0ken"}'}, ["app:files", "app:gone"], "app") == {
        "app:files.token": "t0ken"
    }


def test_what_is_taken_for_a_secret_of_the_provider_is_a_key_of_it() -> None:
    assert {f"oci:{name}" for name in oci_sdk.config_names()}.issuperset(handover.SECRETS_OF_OCI)
    # The pack runs without what the settings need.
    assert set(handover.SECRETS_OF_OCI) == set(SECRETS)


@pytest.mark.parametrize(
    "command",
    [
        [str(ROOT / "policy" / "run"), "127.0.0.1:1"],
        # As the language host of an official Pulumi does, with the folder alone.
        [sys.executable, "-u", "-m", "pulumi.policy", "127.0.0.1:1", str(ROOT / "policy")],
    ],
    ids=["policy/run", "official"],
)
def test_the_pack_answers_the_engine(command: list[str], tmp_path: Path) -> None:
    server = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout
        port = int(server.stdout.readline())
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            info = analyzer_pb2_grpc.AnalyzerStub(channel).GetAnalyzerInfo(Empty(), timeout=30)
        assert info.name == pack.NAME
        assert [one.name for one in info.policies] == [
            *(one.name for one in pack.POLICIES if one.check),
            *(one.name for one in pack.POLICIES if one.check_stack),
        ]
        assert {one.enforcementLevel for one in info.policies} == {analyzer_pb2.MANDATORY}
    finally:
        server.terminate()
        server.wait(timeout=30)


@pytest.mark.parametrize(
    ("target", "expected"), [("preview", True), ("up", True), ("refresh", False), ("destroy", False)]
)
def test_make_holds_previews_and_updates_to_the_policies_unless_told_otherwise(target: str, expected: bool) -> None:
    def planned(*words: str) -> str:
        done = subprocess.run(
            ["make", "--dry-run", target, *words], cwd=ROOT, capture_output=True, text=True, check=True
        )
        return done.stdout

    assert ("--policy-pack policy/run" in planned()) == expected
    assert "--policy-pack" not in planned("POLICIES=")
    assert ("--policy-pack other" in planned("POLICIES=other")) == expected


def test_the_pack_is_installed_with_the_program_and_by_an_official_pulumi_alike() -> None:
    assert "-c ../requirements.txt" in (ROOT / "policy" / "requirements.in").read_text().splitlines()
    project = yaml.safe_load((ROOT / "policy" / "PulumiPolicy.yaml").read_text())
    assert (project["runtime"]["name"], project["name"]) == ("python", pack.NAME)
