"""Puts a stack right whose `pulumi up` was killed: nothing is made twice, nothing is left behind, nothing is lost.

    python3 -m operations.interrupted [--stack <name>] [--pulumi <command>] [<resource>=<id>|<resource>=none …]

The engine writes down each step before it begins, so after a kill the state says what was under way ("pending operations"). The next `up`
does an update or a delete again by itself. A create it does again too, and of most of the cloud's resources that makes a second one. So
what may be there is asked for, told with the way to look it up: it is taken over into the state by its id, or forgotten.

A create that the cloud accepted and that failed later, for want of capacity, leaves an id in the state whose resource is gone, and each
`up` would fail on it. The cloud is asked, and what is gone is forgotten.

Nothing under way: quiet, status 0. Status 1 and the reason on standard error: a question is open, or an answer is wrong. Where Pulumi
itself fails: its words and its status.
"""

from __future__ import annotations

import argparse
import json
import re
import shlex
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from operations.review.events import CLUSTER, ROOT_TYPE
from operations.review.remedy import make, no_program
from specs.shell import printable, quoted

ROOT = Path(__file__).resolve().parents[1]
NONE = "none"
Json = dict[str, Any]

# Made again they are the same one: a build is pushed to its tag once more, a command runs again and is written for that, an object of
# Kubernetes is applied by its name (upsert_existing_objects), and the default lists and tables of a VCN are only written to.
REPEATABLE = re.compile(r"docker-build:|command:remote:Command$|kubernetes:|pulumi:providers:|oci:Core/default")


@dataclass(frozen=True)
class Kind:
    """ocid: the word in its OCID, "" where its id is none; look_up: arguments of the OCI CLI that list it, by the names of its inputs."""

    ocid: str
    look_up: str


_NAMED = "--compartment-id {compartmentId} --display-name {displayName}"
# source: OCI CLI, command reference.
KINDS = {
    "oci:Core/vcn:Vcn": Kind("vcn", f"network vcn list {_NAMED}"),
    "oci:Core/subnet:Subnet": Kind("subnet", f"network subnet list {_NAMED}"),
    "oci:Core/internetGateway:InternetGateway": Kind("internetgateway", f"network internet-gateway list {_NAMED}"),
    "oci:Core/natGateway:NatGateway": Kind("natgateway", f"network nat-gateway list {_NAMED}"),
    "oci:Core/serviceGateway:ServiceGateway": Kind(
        "servicegateway", "network service-gateway list --compartment-id {compartmentId} --vcn-id {vcnId}"
    ),
    "oci:Core/routeTable:RouteTable": Kind("routetable", f"network route-table list {_NAMED}"),
    "oci:Core/networkSecurityGroup:NetworkSecurityGroup": Kind("networksecuritygroup", f"network nsg list {_NAMED}"),
    "oci:Core/networkSecurityGroupSecurityRule:NetworkSecurityGroupSecurityRule": Kind(
        "", "network nsg rules list --nsg-id {networkSecurityGroupId}"
    ),
    "oci:Core/instance:Instance": Kind("instance", f"compute instance list {_NAMED}"),
    "oci:Core/volume:Volume": Kind("volume", f"bv volume list {_NAMED}"),
    "oci:Core/volumeAttachment:VolumeAttachment": Kind(
        "volumeattachment",
        "compute volume-attachment list --compartment-id {compartmentId} --instance-id {instanceId} --volume-id {volumeId}",
    ),
    "oci:Artifacts/containerRepository:ContainerRepository": Kind(
        "containerrepo", f"artifacts container repository list {_NAMED}"
    ),
    CLUSTER: Kind("cluster", "ce cluster list --compartment-id {compartmentId} --name {name}"),
    "oci:ContainerEngine/nodePool:NodePool": Kind(
        "nodepool", "ce node-pool list --compartment-id {compartmentId} --name {name}"
    ),
}


class UnresolvedError(Exception):
    """The stack cannot be put right yet; says why, and what to do."""


@dataclass
class Stack:
    """The stack `name`, and `pulumi`, the command to reach it with."""

    name: str
    pulumi: str

    def export(self) -> Json:
        """Its state; secrets stay encrypted."""
        exported: Json = json.loads(self._run("stack", "export", capture=True))
        return exported

    def replace(self, exported: Json) -> None:
        """Make this its state, without pending operations. Refused by Pulumi while an update runs or a killed one has left its lock."""
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump(exported, file)
            file.flush()
            self._run("stack", "import", "--file", file.name, capture=True)

    def refresh(self, urns: Sequence[str]) -> None:
        """Ask the cloud what these are."""
        targets = [word for urn in urns for word in ("--target", urn)]
        self._run("refresh", "--yes", "--skip-preview", *targets)

    def _run(self, *arguments: str, capture: bool = False) -> str:
        command = [*shlex.split(self.pulumi), *arguments, "--stack", self.name, "--non-interactive"]
        try:
            done = subprocess.run(command, cwd=ROOT, capture_output=capture, text=True, check=False)
        except FileNotFoundError:
            sys.exit(f"error: {no_program(self.pulumi)}")
        if done.returncode:
            said = done.stderr or ""
            if "currently locked" in said:
                said += f"\nIf that run was killed: {self.pulumi} cancel --yes --stack {quoted(self.name)}"
            elif said.rstrip().endswith("EOF"):
                said += self._half_written()
            print(said.strip(), file=sys.stderr)
            sys.exit(done.returncode)
        return done.stdout or ""

    def _half_written(self) -> str:
        """Of a state that cannot be read since a kill: the command that mends it. "" where the state is in no folder.

        The state itself is replaced at once, and whole. But beside each of its files Pulumi keeps what kind of file it is, `<file>.attrs`,
        and that one a kill can leave empty (source: gocloud.dev, fileblob/attrs.go, setAttrs); without it all is read as with it.
        """
        asked = [*shlex.split(self.pulumi), "whoami", "--json", "--non-interactive"]
        done = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=False)
        url = json.loads(done.stdout)["url"] if done.returncode == 0 else ""
        if not url.startswith("file://"):
            return ""
        folder = quoted(str(Path(url.removeprefix("file://").partition("?")[0]).expanduser() / ".pulumi"))
        return (
            "\nA run was killed while it wrote beside the state, which is whole. This removes what it left, empty files:\n"
            f"    find {folder} -name '*.attrs' -empty -delete"
        )


def main(arguments: list[str]) -> int:
    """The exit status: 0 when `up` may begin."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--stack", default="dev")
    parser.add_argument("--pulumi", default="pulumi", help="the command to reach the stack with")
    parser.add_argument("answers", nargs="*", metavar="<resource>=<id>|<resource>=none")
    options = parser.parse_args(arguments)
    try:
        for line in put_right(Stack(options.stack, options.pulumi), options.answers):
            print(line, flush=True)
    except UnresolvedError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def put_right(stack: Stack, words: Sequence[str]) -> list[str]:
    """Do it; what is to be told. `words` are answers, "<resource>=<id>" or "<resource>=none". Raises UnresolvedError."""
    exported = stack.export()
    deployment: Json = exported.get("deployment") or {}
    resources: list[Json] = deployment.get("resources") or []
    operations: list[Json] = deployment.get("pending_operations") or []
    creates = [operation for operation in operations if operation["type"] == "creating"]
    asked = [operation["resource"] for operation in creates if not REPEATABLE.match(operation["resource"]["type"])]
    made = {name_of(resource): resource for resource in asked}
    answers = parse(words, made, resources)
    if set(answers) != set(made):
        raise UnresolvedError(question(stack, asked, resources))
    again = [
        f"{name_of(operation['resource'])}: interrupted while {operation['type']}; the next `up` does it again (was its"
        f" configuration changed back since: `{stack.pulumi} up --refresh --stack {stack.name}`)"
        for operation in operations
        if operation["type"] in ("updating", "deleting")
    ]
    # With its inputs as outputs a refresh takes it for a known resource, not for one to import.
    taken = [
        {**made[name], "id": id, "outputs": made[name].get("inputs") or {}}
        for name, id in answers.items()
        if id != NONE
    ]
    kept = without_deleted(joined(resources, taken))
    if creates or kept != resources:
        stack.replace({**exported, "deployment": {**deployment, "resources": kept, "pending_operations": []}})
    # source: oracle/terraform-provider-oci, Create of an instance and of a node pool: both keep the id when the work request fails.
    failed = [one for one in kept if one.get("initErrors") and one["type"] in KINDS and one not in taken]
    if taken or failed:
        stack.refresh([one["urn"] for one in (*taken, *failed)])
        there = {one["urn"] for one in (stack.export().get("deployment") or {}).get("resources") or []}
        if missing := [one for one in taken if one["urn"] not in there]:
            raise UnresolvedError(gone(stack, missing))
        failed = [one for one in failed if one["urn"] not in there]
    new = [*(operation["resource"] for operation in creates), *failed]
    forgotten = {name_of(one) for one in new} - {name_of(one) for one in taken}
    return [
        *(f"{name_of(one)}: taken over, {one['id']}" for one in taken),
        *(f"{name}: the next `up` makes it" for name in sorted(forgotten)),
        *again,
        *volume_of_claim(resources, operations),
    ]


def volume_of_claim(resources: Sequence[Json], operations: Sequence[Json]) -> list[str]:
    """Of a `destroy` that was interrupted: a cluster deletes the volume of a claim after the claim, which it cannot once it is gone itself
    or its nodes are, which have to let go of the volume. Nothing where the claim is retained, or the cluster is not the stack's.
    """
    outputs = next((one.get("outputs") or {} for one in resources if one["type"] == ROOT_TYPE), {})
    volume = outputs.get("dataVolumeId")
    deleting = any(operation["type"] == "deleting" for operation in operations)
    goes = any(one["type"] == CLUSTER for one in resources) and not outputs.get("retained")
    if not (deleting and goes and isinstance(volume, str) and volume):
        return []
    return [
        "the claim's volume: the cluster deletes it, if it still can. When the stack is destroyed, look, and delete it if it is there:\n"
        f"    oci bv volume get --volume-id {quoted(volume)}\n    oci bv volume delete --volume-id {quoted(volume)}"
    ]


def alive(resources: Sequence[Json]) -> dict[str, str]:
    """URN to id of what the state has and the cloud should: neither replaced nor deleted to be made anew."""
    return {
        one["urn"]: one.get("id", "")
        for one in resources
        if not one.get("delete") and not one.get("pendingReplacement")
    }


def name_of(resource: Json) -> str:
    """The resource's name in the program."""
    return str(resource["urn"]).rsplit("::", 1)[1]


def parse(words: Sequence[str], asked: Mapping[str, Json], resources: Sequence[Json]) -> dict[str, str]:
    """The answers by name. Raises UnresolvedError for one that cannot be right."""
    known_ids = {one["id"]: name_of(one) for one in resources if one.get("id")}
    live = alive(resources)
    answers: dict[str, str] = {}
    for word in words:
        name, _, answer = word.partition("=")
        if name not in asked:
            there = ", ".join(sorted(asked)) or "nothing"
            raise UnresolvedError(f"{name} is none of what was interrupted while it was made: {there}")
        made = asked[name]
        kind = KINDS.get(made["type"])
        if not answer or not re.fullmatch(r"[A-Za-z0-9_./-]+", answer):
            raise UnresolvedError(f"{name}: its id, or {NONE}")
        if answer != NONE:
            if kind and kind.ocid and not answer.startswith(f"ocid1.{kind.ocid}."):
                raise UnresolvedError(f"{name}: its OCID begins with ocid1.{kind.ocid}., this is {answer}")
            if answer in known_ids:
                raise UnresolvedError(f"{name}: {answer} is in the state, as {known_ids[answer]}")
            if made["urn"] in live:
                # The engine would delete one of the two, and only a person knows which one holds something.
                raise UnresolvedError(
                    f"{name}: the stack has another one, {live[made['urn']]}, which stays. Delete {answer} by hand, having"
                    f" seen that nothing is on it, and answer {name}={NONE}"
                )
        answers[name] = answer
    return answers


def joined(resources: Sequence[Json], taken: Sequence[Json]) -> list[Json]:
    """The state's resources with those taken over; one that was deleted to be made anew gives its place to the new one."""
    places = {one["urn"]: place for place, one in enumerate(resources) if one.get("pendingReplacement")}
    result = list(resources)
    for one in taken:
        if one["urn"] in places:
            result[places[one["urn"]]] = one
        else:
            result.append(one)
    return result


def without_deleted(resources: Sequence[Json]) -> list[Json]:
    """The state's resources without those that were deleted to be made anew, where nothing refers to them; `up` makes them as new ones.

    It would do so anyhow, but for a case in which the engine never goes on: a resource with `replace_with` whose provider was not needed
    before in that run ("unknown provider", pulumi 3.259, step_generator.go, which loads the providers of dependents alone).
    """
    kept: list[Json] = []
    needed: set[str] = set()
    for one in reversed(resources):
        if one.get("pendingReplacement") and one["urn"] not in needed:
            continue
        kept.insert(0, one)
        by_property = [urn for urns in (one.get("propertyDependencies") or {}).values() for urn in urns or []]
        needed.update(one.get("dependencies") or [], one.get("replaceWith") or [], by_property)
        needed.update(urn for urn in (one.get("parent"), one.get("deletedWith")) if urn)
    return kept


def question(stack: Stack, asked: Sequence[Json], resources: Sequence[Json]) -> str:
    """What a person has to find out, how, and the command that takes the answer."""
    compartments = [one["inputs"]["compartmentId"] for one in resources if "compartmentId" in one.get("inputs", {})]
    live, times = alive(resources), Counter(map(name_of, asked))
    paragraphs = [
        f"a run of stack {printable(stack.name)} was interrupted while it made what follows. Look up in the cloud whether it exists."
        "\n(Is that run still going on? Then wait for its end.)"
    ]
    for name, made in {name_of(one): one for one in asked}.items():
        inputs = {"compartmentId": next(iter(compartments), None), **(made.get("inputs") or {})}
        known = {key: value for key, value in inputs.items() if isinstance(value, str)}
        shown = known.get("displayName") or known.get("name") or known.get("description")
        lines = [printable(f"  {name} ({made['type']})" + (f', called "{shown}"' if shown else ""))]
        if kind := KINDS.get(made["type"]):
            filled = _Blank({key: quoted(value) for key, value in known.items()})
            lines.append(f"    oci {kind.look_up.format_map(filled)}")
        if made["urn"] in live:
            lines.append(
                f"    {live[made['urn']]} is in the state and stays: if there is another one, delete it and answer {NONE}"
            )
        if times[name] > 1:
            lines.append(
                f"    this happened {times[name]} times: of several, answer with one and delete the others by hand"
            )
        paragraphs.append("\n".join(lines))
    asked_for = " ".join(f"{name}=?" for name in times)
    found = f'FOUND="{asked_for}"' if re.fullmatch(r"[A-Za-z0-9_.=? -]*", asked_for) else quoted(f"FOUND={asked_for}")
    answered = make("interrupted", stack.name, stack.pulumi, found)
    paragraphs.append(
        "Look up each one with these commands or in the console; what is TERMINATED or DELETED is not there. Then run this, with its id, or"
        f" {NONE}, in the place of each ?:\n"
        f"    {answered}"
    )
    return "\n\n".join(paragraphs)


def gone(stack: Stack, missing: Sequence[Json]) -> str:
    """Of ids which the cloud does not know."""
    lines = []
    for one in missing:
        parent = f" --parent parent={quoted(one['parent'])}" if one.get("parent") else ""
        missed = printable(f"{name_of(one)}: the cloud has no {one['id']}")
        lines.append(
            f"{missed}; the next `up` makes one. If it is there under another id, first:\n"
            f"    {stack.pulumi} import {quoted(one['type'])} {quoted(name_of(one))} ?{parent} --protect=false --generate-code=false"
            f" --stack {quoted(stack.name)}"
        )
    return "\n".join(lines)


class _Blank(dict[str, str]):
    """A name that is not known is left to be filled in."""

    def __missing__(self, key: str) -> str:
        return f"<{key}>"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
