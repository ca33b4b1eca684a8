"""What cloud-init does on the instance and on the cluster's nodes, with programs that only take notes."""

from __future__ import annotations

import base64
import subprocess
from pathlib import Path

import pytest
import yaml

from specs import cloud_config, cluster, ssh

DOCUMENTS = [
    yaml.safe_load(text) for text in (cluster.node_user_data(), cloud_config.cloud_config(ssh.HostKey("a", "b")))
]


def start_node(tmp_path: Path, missing: str = "", failing: str = "") -> tuple[int, list[str], str]:
    """Run a node's script: its exit status, what it called, and what it printed."""
    calls, tools, init = tmp_path / "calls", tmp_path / "bin", tmp_path / "oke-init.sh"
    tools.mkdir()
    joins = base64.b64encode(f"echo joined >>{calls}".encode()).decode()
    programs = {"nft": "", "dnf": "", "systemctl": "", "curl": f"echo {joins}"}
    for name, body in programs.items():
        if name != missing:
            note = f'echo "{name} $*" >>{calls}\n' if name != "curl" else ""
            (tools / name).write_text(f"#!/bin/sh\n{note}{'exit 1' if name == failing else body}\n")
            (tools / name).chmod(0o755)
    for name in ("bash", "base64"):
        (tools / name).symlink_to(f"/usr/bin/{name}")
    [command] = DOCUMENTS[0]["runcmd"]
    words = [word.replace("/var/run/oke-init.sh", str(init)) for word in command]
    done = subprocess.run(words, env={"PATH": str(tools)}, capture_output=True, text=True)
    return done.returncode, calls.read_text().splitlines() if calls.exists() else [], done.stdout + done.stderr


RULES = ["systemctl daemon-reload", "systemctl enable --now container-metadata.service"]


def test_a_node_joins_after_the_rules_are_in_force(tmp_path: Path) -> None:
    assert start_node(tmp_path) == (0, [*RULES, "joined"], "")


def test_a_node_without_nftables_installs_it_first(tmp_path: Path) -> None:
    assert start_node(tmp_path, missing="nft")[1] == ["dnf install --assumeyes --quiet nftables", *RULES, "joined"]


@pytest.mark.parametrize(("missing", "failing"), [("nft", "dnf"), ("", "systemctl"), ("", "curl")])
def test_a_node_where_a_step_fails_does_not_join_and_says_so(missing: str, failing: str, tmp_path: Path) -> None:
    status, calls, said = start_node(tmp_path, missing, failing)
    assert status != 0
    assert "joined" not in calls
    assert "error: this node does not join the cluster" in said


def test_the_instance_applies_the_rules_by_the_same_script() -> None:
    assert all(cloud_config.APPLY_METADATA_RULES in " ".join(document["runcmd"][0]) for document in DOCUMENTS)


@pytest.mark.parametrize("document", DOCUMENTS, ids=["node", "instance"])
def test_the_boot_volume_is_grown_before_anything_is_installed(
    document: dict[str, list[list[str]]], tmp_path: Path
) -> None:
    program, calls = tmp_path / "oci-growfs", tmp_path / "calls"
    # cloud-init runs bootcmd before packages and runcmd.
    [command] = document["bootcmd"]
    words = [word.replace("/usr/libexec/oci-growfs", str(program)) for word in command]
    assert subprocess.run(words).returncode == 0
    program.write_text(f"#!/bin/sh\necho $* >>{calls}\n")
    program.chmod(0o755)
    assert subprocess.run(words).returncode == 0
    assert calls.read_text() == "-y\n"


def test_rules_can_be_reloaded_and_no_kubelet_starts_without_them() -> None:
    unit = cloud_config.METADATA_SERVICE.splitlines()
    [start] = [line.partition("=")[2] for line in unit if line.startswith("ExecStart=")]
    assert f"ExecReload={start}" in unit
    assert "RequiredBy=kubelet.service" in unit
