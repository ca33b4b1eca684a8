"""Machines, volumes, addresses and podman of the sandbox, without root and containers."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from sandbox import address, attachments, buildkit, engine, machine, paths, volume
from sandbox.process import SandboxError


@pytest.fixture
def no_loop_devices(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    devices: list[str] = []
    monkeypatch.setattr(volume, "loop_devices", lambda path: devices)
    return devices


@pytest.mark.parametrize("name", ["web", "sandbox-instance-", "sandbox-instance-A", "sandbox-instance-a;b"])
def test_machine_name_has_the_sandbox_prefix(name: str) -> None:
    with pytest.raises(ValueError, match="name"):
        machine.MachineSpec(name, "host", b"", "", 1, 1)


@pytest.mark.parametrize(
    "device", ["/dev/sdb", "oracleoci/oraclevdb", "/dev/oracleoci/oraclevda", "/dev/oracleoci/../sda"]
)
def test_volume_device_must_be_a_consistent_device_path(device: str) -> None:
    with pytest.raises(SandboxError, match="consistent device path"):
        machine.detach(f"{paths.MACHINE_PREFIX}none", device)


def test_loop_device_of_a_killed_attach_is_freed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image, other = tmp_path / "volume", attachments.Attachment("oracleoci/oraclevdb", 7, tmp_path / "other")
    attachments.write(tmp_path, [other])
    (tmp_path / "attaching").write_text(str(image))
    there = {image: ["/dev/loop8"], other.image: ["/dev/loop7"]}
    monkeypatch.setattr(volume, "loop_devices", lambda path: there[path])
    monkeypatch.setattr(attachments, "free", lambda one: there[one.image].remove(f"/dev/loop{one.loop}"))
    for _ in range(2):
        attachments.free_unfinished(tmp_path)
        assert there == {image: [], other.image: ["/dev/loop7"]}
    assert not (tmp_path / "attaching").exists()


def test_seed_has_cloud_init_format(tmp_path: Path) -> None:
    name = f"{paths.MACHINE_PREFIX}a"
    machine._write_seed(
        tmp_path, machine.MachineSpec(name, "web", b"#cloud-config\n", "ssh-ed25519 A\n\nssh-rsa B\n", 1, 1)
    )
    metadata = yaml.safe_load((tmp_path / "meta-data").read_text())
    assert metadata == {
        "instance-id": name,
        "local-hostname": "web",
        "public-keys": ["ssh-ed25519 A", "ssh-rsa B"],
    }
    assert (tmp_path / "user-data").read_bytes() == b"#cloud-config\n"


@pytest.fixture
def own_cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(paths, "CLOUD", tmp_path)
    monkeypatch.setattr(paths, "MACHINES", tmp_path / "machines")
    return tmp_path


def test_each_machine_gets_its_own_address(own_cloud: Path) -> None:
    given = [address.reserve(name) for name in ("a", "b", "c", "a")]
    assert given == [str(paths.SUBNET[10]), str(paths.SUBNET[11]), str(paths.SUBNET[12]), str(paths.SUBNET[10])]
    address.release("b")
    assert address.reserve("d") == str(paths.SUBNET[11])


def test_removed_node_does_not_block_a_new_address(own_cloud: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def read(file: Path, original: Any = Path.read_text) -> str:
        shutil.rmtree(file.parent)
        return str(original(file))

    address.reserve("node")
    monkeypatch.setattr(Path, "read_text", read)
    assert address.reserve("machine") == str(paths.SUBNET[10])


def test_volume_is_sparse_and_grows_and_does_not_shrink(tmp_path: Path, no_loop_devices: list[str]) -> None:
    file = tmp_path / "volume"
    volume.create(file, 50)
    assert file.stat().st_size == 50 * 1024**3
    assert file.stat().st_blocks == 0
    volume.create(file, 60)
    assert file.stat().st_size == 60 * 1024**3
    with pytest.raises(SandboxError, match="cannot shrink to 50 GB"):
        volume.create(file, 50)


def test_volume_in_use_is_not_deleted(tmp_path: Path, no_loop_devices: list[str]) -> None:
    file = tmp_path / "volume"
    volume.create(file, 1)
    no_loop_devices.append("/dev/loop9")
    with pytest.raises(SandboxError, match="/dev/loop9"):
        volume.delete(file)
    no_loop_devices.clear()
    volume.delete(file)
    volume.delete(file)
    assert not file.exists()


def test_reset_frees_every_loop_device_of_the_sandbox(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_loop_devices: list[str]
) -> None:
    (tmp_path / "cloud" / "volumes").mkdir(parents=True)
    (tmp_path / "cloud" / "volumes" / "of-a-claim.img").touch()
    no_loop_devices.append("/dev/loop9")
    commands: list[list[Any]] = []
    for name, value in {"HOME": tmp_path, "CLOUD": tmp_path / "cloud", "CONTAINERS": tmp_path / "none"}.items():
        monkeypatch.setattr(paths, name, value)
    # A device that was created in a container is listed with a path of that container.
    listed = [("/dev/loop7", "/somebody/s.img"), ("/dev/loop8", f"{tmp_path}/gone.img (deleted)")]
    monkeypatch.setattr(engine, "_loop_devices", lambda: [*listed, ("/dev/loop9", "/volumes/of-a-claim.img")])
    monkeypatch.setattr(engine, "privileged", lambda command: command)
    monkeypatch.setattr(engine, "run", lambda command, **_: commands.append(command))
    engine.reset()
    assert [command[-1] for command in commands if command[0] == "losetup"] == ["/dev/loop8", "/dev/loop9"]


def test_podman_uses_only_the_sandbox_storage() -> None:
    command = engine.command("ps")
    options = command[command.index("podman") :]
    for option in ("--root", "--runroot", "--tmpdir"):
        place = Path(options[options.index(option) + 1])
        assert place.is_relative_to(paths.HOME) or place.is_relative_to(paths.RUNTIME)
    assert any(word.startswith(f"CONTAINERS_CONF={paths.HOME}") for word in command)


def test_containers_conf_respects_the_limits_of_the_host() -> None:
    meagre = engine.containers_conf(hybrid_cgroups=True, may_raise_limits=False)
    assert 'runtime = "runc"' in meagre
    assert "default_ulimits" in meagre
    usual = engine.containers_conf(hybrid_cgroups=False, may_raise_limits=True, network_folder=Path("/n"))
    assert "runtime" not in usual
    assert "default_ulimits" not in usual
    assert 'network_config_dir = "/n"' in usual


def test_container_sockets_have_short_paths() -> None:
    assert len(str(buildkit.SOCKET)) < 60
    assert len(paths.BRIDGE) <= 15
