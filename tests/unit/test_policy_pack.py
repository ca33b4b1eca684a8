"""The whole policy pack: exceptions, the protocol of the engine, the documentation, and the resources of the program."""

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
from google.protobuf.empty_pb2 import Empty  # type: ignore[import-untyped]
from pulumi.runtime.proto import analyzer_pb2, analyzer_pb2_grpc
from pulumi_policy.deserialize import SPECIAL_SECRET_SIG, SPECIAL_SIG_KEY, deserialize_properties
from pulumi_policy.proxy import unknown_checking_proxy

from policy import data, exceptions, network, pack, protocol, tags
from policy.exceptions import ExceptionsError
from policy.rule import UNKNOWN, Resource, SecretText, Stack
from sandbox.oci import sdk as oci_sdk
from specs import scope
from specs.oci_profile import SECRETS
from tests.unit.conftest import ROOT
from tests.unit.kubernetes_values import kubernetes_stack
from tests.unit.recorded_program import Run, run_program

__all__ = ["kubernetes_stack"]

EXCEPTABLE = {"always-free", "data-kept", "no-public-load-balancer"}
DOCUMENT = ROOT / "docs" / "policies.md"


def read(text: str | None) -> Sequence[str]:
    return exceptions.read({} if text is None else {exceptions.KEY: text}, pack.POLICIES, "dev")


def test_stack_can_name_exceptions() -> None:
    assert read(None) == read("[]") == ()
    assert read('["always-free", "data-kept"]') == ("always-free", "data-kept")
    assert {policy.name for policy in pack.POLICIES if policy.may_be_excepted} == EXCEPTABLE


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('["no-such"]', "policy:exceptions[0] in Pulumi.dev.yaml: no-such is no policy"),
        ('["data-kept", "images-by-digest"]', "policy:exceptions[1] in Pulumi.dev.yaml: images-by-digest applies to every stack"),
        ("[7]", "7 is no policy"),
        ('[{"always-free": "because"}]', 'policy:exceptions[0] in Pulumi.dev.yaml: {"always-free": "because"} is no policy'),
        ('[["always-free"]]', '["always-free"] is no policy'),
        ("data-kept", "is data-kept"),
        ('{"data-kept": true}', "It is an array"),
    ],
)  # fmt: skip
def test_wrong_exception_is_an_error_with_the_allowed_names(text: str, words: str) -> None:
    with pytest.raises(ExceptionsError) as raised:
        read(text)
    assert words in str(raised.value)
    assert all(name in str(raised.value) for name in EXCEPTABLE)
    # The command replaces the wrong value, not the exception beside it.
    place = int(words[words.index("[") + 1]) if words.startswith("policy:exceptions[") else 0
    assert f"pulumi config set --path 'policy:exceptions[{place}]'" in str(raised.value)


def test_commands_in_messages_keep_every_exception() -> None:
    run = pack.Run(pack.POLICIES)
    run.configure(Stack(name="local"), {exceptions.KEY: '["data-kept"]'})
    balancer, free, images = (
        next(one for one in pack.POLICIES if one.name == name)
        for name in ("no-public-load-balancer", "always-free", "images-by-digest")
    )

    def places(message: str) -> list[str]:
        return re.findall(r"--path 'policy:exceptions(\[\d\]' \S+)$", message, re.MULTILINE)

    assert places(run.message(images, "wrong")) == []
    assert places(run.message(balancer, "wrong")) == ["[1]' no-public-load-balancer"]
    second = run.message(free, "wrong")
    assert places(second) == ["[2]' always-free"]
    assert "after the command for no-public-load-balancer" in second
    assert places(run.message(balancer, "wrong as well")) == ["[1]' no-public-load-balancer"]
    # `up` starts again after its preview.
    run.configure(Stack(name="local"), {})
    assert places(run.message(free, "wrong")) == ["[0]' always-free"]


def test_documentation_names_every_policy_and_whether_it_has_exceptions() -> None:
    rows = re.findall(r"^\| `([a-z0-9-]+)` \|.*\| (yes|no) \|$", DOCUMENT.read_text(), re.MULTILINE)
    assert rows == [(one.name, "yes" if one.may_be_excepted else "no") for one in pack.POLICIES]


def made_of(run: Run) -> Mapping[str, Any]:
    return {name: asked for name, asked in run.resources.items() if asked.type.startswith("oci:")}


def check_tags(run: Run) -> None:
    wanted = scope.tags("containerised-app", "oke")
    for name, asked in made_of(run).items():
        if "freeformTags" in oci_sdk.inputs(asked.type):
            assert wanted.items() <= asked.inputs["freeformTags"].items(), name
        else:
            assert asked.type in tags.UNTAGGED, name


def holders(run: Run) -> dict[str, tuple[bool, Any]]:
    """Resources that hold data: whether Pulumi retains them, and the value of the tag."""
    found = {}
    for name, asked in run.resources.items():
        if place := data.HOLDERS.get(asked.type):
            value: Any = asked.inputs
            for part in place.split("."):
                value = value.get(part, {})
            found[name] = (asked.retained, value)
    return found


@pytest.mark.parametrize("kept", [True, False])
def test_program_tags_its_resources_and_what_happens_to_their_data(
    values: dict[str, Any], kubernetes_stack: dict[str, Any], kept: bool
) -> None:
    instance = run_program({**values, "retainData": kept})
    cluster = run_program({**kubernetes_stack, "retainClaim": kept, "dataVolumeId": "ocid1.volume.oc1.x.kept"})
    for run in (instance, cluster):
        check_tags(run)
    found = {**holders(instance), **holders(cluster)}
    assert {name.removeprefix("jupyterlab-") for name in found} == {"data", "claim", "volume", "namespace"}
    assert set(found.values()) == {(kept, "keep" if kept else "delete")}


@pytest.mark.parametrize("kept", [True, False])
def test_program_tags_adopted_resources_as_its_own(values: dict[str, Any], kept: bool) -> None:
    adopted = {"dataVolumeId": "ocid1.volume.oc1.x.kept", "repositoryId": "ocid1.containerrepo.oc1.x.kept"}
    run = run_program({**values, **adopted, "retainData": kept})
    imported = {name for name, asked in made_of(run).items() if asked.options.importId}
    assert imported == {"jupyterlab-data", "jupyterlab-repository"}
    check_tags(run)
    assert holders(run) == {"jupyterlab-data": (kept, "keep" if kept else "delete")}
    # Policies see the old value of an ignored tag.
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
def test_program_uses_no_default_security_list_of_oracle(
    values: dict[str, Any], kubernetes_stack: dict[str, Any], theirs: Mapping[str, Any], subnets: set[str]
) -> None:
    seen = as_policies_see(run_program({**(kubernetes_stack if "target" in theirs else values), **theirs}))
    assert not list(network.default_security_lists(seen, Stack()))
    without = [one for one in seen if one.type != "oci:Core/defaultSecurityList:DefaultSecurityList"]
    assert {violation.split()[0] for violation in network.default_security_lists(without, Stack())} == subnets


def test_policies_see_which_values_are_secret_or_unknown() -> None:
    mark = {SPECIAL_SIG_KEY: SPECIAL_SECRET_SIG}
    properties = {
        "plain": "a",
        "secret": {**mark, "value": "b"},
        "inside": {**mark, "value": {"list": ["c"], "number": 7}},
        "later": "04da6b54-80e4-46f7-96ec-b56ff0331ba9",
        "later-secret": {**mark, "value": "04da6b54-80e4-46f7-96ec-b56ff0331ba9"},
    }
    seen = protocol.plain(unknown_checking_proxy(deserialize_properties(protocol.with_secrets(properties))))
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
    """A resource "one" as pulumi-policy describes it. dependencies: property to URNs."""
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
def test_components_are_the_resources_without_a_provider(kind: str, provider: Any, expected: bool) -> None:
    assert pack.resource(engine_args(kind, {}, provider)).is_component == expected


def test_stack_policies_see_inputs_and_outputs() -> None:
    run = pack.Run(pack.POLICIES)
    run.seen["urn:one"] = pack.resource(engine_args("a:b:C", {"vcnId": "x", "token": SecretText("t"), "n": 1}))
    args = engine_args("a:b:C", {"token": "t", "made": "later"}, vcnId=["urn:vcn"], gone=["urn:vcn"])
    seen = run.complete(args)
    assert seen.inputs == {"vcnId": "x", "token": "t", "n": 1, "made": "later"}
    assert isinstance(seen.inputs["token"], SecretText)
    assert not isinstance(seen.outputs["token"], SecretText)
    assert seen.property_dependencies == {"vcnId": ["urn:vcn"], "token": [], "n": []}
    # A resource that the program only reads.
    assert pack.Run(pack.POLICIES).complete(args).property_dependencies == {}


def test_policies_look_for_each_text_of_a_secret_value() -> None:
    assert dict(protocol.texts("a:password", "12345678")) == {"a:password": "12345678"}
    assert dict(protocol.texts("a:files", '{"token": "t0ken", "more": ["x", 1]}')) == {
        "a:files.token": "t0ken",
        "a:files.more[0]": "x",
    }


def test_encrypted_provider_keys_that_name_things_are_no_secrets() -> None:
    names = ["oci:tenancyOcid", "oci:userOcid", "oci:fingerprint", "oci:region"]
    config = dict.fromkeys([*names, *SECRETS, "app:password", "app:port", "other:key"], "a value")
    encrypted = [key for key in config if key != "app:port"]
    assert protocol.secrets(config, encrypted, "app").keys() == {*SECRETS, "app:password"}
    assert protocol.secrets({"app:files": '{"token": "t0ken"}'}, ["app:files", "app:gone"], "app") == {
        "app:files.token": "t0ken"
    }


def test_secret_provider_keys_exist() -> None:
    assert {f"oci:{name}" for name in oci_sdk.config_names()}.issuperset(SECRETS)


@pytest.mark.parametrize(
    "command",
    [
        [str(ROOT / "policy" / "run"), "127.0.0.1:1"],
        # As an official Pulumi starts it.
        [sys.executable, "-u", "-m", "pulumi.policy", "127.0.0.1:1", str(ROOT / "policy")],
    ],
    ids=["policy/run", "official"],
)
def test_pack_answers_the_engine(command: list[str], tmp_path: Path) -> None:
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
def test_make_applies_the_policies_to_previews_and_updates(target: str, expected: bool) -> None:
    def planned(*words: str) -> str:
        done = subprocess.run(
            ["make", "--dry-run", target, *words], cwd=ROOT, capture_output=True, text=True, check=True
        )
        return done.stdout

    assert ("--policy-pack policy/run" in planned()) == expected
    assert "--policy-pack" not in planned("POLICIES=")
    assert ("--policy-pack other" in planned("POLICIES=other")) == expected
