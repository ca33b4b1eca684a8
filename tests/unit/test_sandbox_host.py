"""The sandbox's host side, as far as it needs neither root nor containers: what it writes, reads, refuses and says."""

from __future__ import annotations

import io
import ipaddress
import json
import os
import shlex
import socket
import ssl
import stat
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography import x509

from sandbox import (
    account,
    address,
    base_image,
    buildkit,
    check,
    distribution,
    down,
    engine,
    environment,
    firewall,
    machine,
    machine_image,
    oci_layout,
    paths,
    plugins,
    process,
    progress,
    pulumi_command,
    registry,
    root_layer,
    stack_file,
    tls,
    volume,
)
from sandbox.firewall import FirewallRule
from sandbox.process import CommandError, SandboxError

ROOT = Path(__file__).parents[2]


# --- firewall ---------------------------------------------------------------------------------------------------------


def test_what_no_rule_admits_is_dropped_in_both_directions() -> None:
    text = firewall.nftables([])
    assert text.count("\t\tdrop\n") == 2
    assert "hook prerouting" in text
    assert "hook postrouting" in text


def test_a_rule_names_network_protocol_and_ports() -> None:
    rules = [
        FirewallRule("INGRESS", "6", "203.0.113.7/32", (22, 22)),
        FirewallRule("INGRESS", "17", "10.0.0.0/8", (1000, 2000)),
        FirewallRule("EGRESS", "all", "0.0.0.0/0"),
    ]
    text = firewall.nftables(rules)
    assert "ip saddr 203.0.113.7/32 tcp dport 22 accept" in text
    assert "ip saddr 10.0.0.0/8 udp dport 1000-2000 accept" in text
    assert "ip daddr 0.0.0.0/0 accept" in text


def test_rules_without_ports_admit_the_whole_protocol() -> None:
    rules = [FirewallRule("INGRESS", "1", "10.0.0.0/8"), FirewallRule("INGRESS", "17", "fd00::/8")]
    text = firewall.nftables(rules)
    assert "ip saddr 10.0.0.0/8 meta l4proto icmp accept" in text
    assert "ip6 saddr fd00::/8 meta l4proto udp accept" in text


def test_the_resolver_is_reachable_whatever_the_rules_say() -> None:
    assert "udp dport 53 accept" in firewall.nftables([])


def test_a_new_machine_may_reach_everything_and_be_reached_by_nobody() -> None:
    text = firewall.nftables([], egress=False)
    assert "postrouting" not in text
    assert text.count("\t\tdrop\n") == 1


@pytest.mark.parametrize(
    ("rule", "field"),
    [
        (("INGRESS", "6", "203.0.113.7/8", None), "203.0.113.7/8"),
        (("INGRESS", "58", "::/0", None), "protocol"),
        (("INGRESS", "1", "0.0.0.0/0", (1, 2)), "ports"),
        (("EGRESS", "6", "0.0.0.0/0", (9, 8)), "ports"),
        (("EGRESS", "6", "0.0.0.0/0", (0, 8)), "ports"),
    ],
)
def test_rules_that_are_none_are_refused(rule: tuple[Any, ...], field: str) -> None:
    with pytest.raises(ValueError, match=field):
        FirewallRule(*rule)


# --- machines and volumes ---------------------------------------------------------------------------------------------


@pytest.fixture
def no_loop_devices(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    devices: list[str] = []
    monkeypatch.setattr(volume, "loop_devices", lambda path: devices)
    return devices


@pytest.mark.parametrize("name", ["web", "sandbox-instance-", "sandbox-instance-A", "sandbox-instance-a;b"])
def test_machines_have_the_names_that_the_sandbox_finds_them_by(name: str) -> None:
    with pytest.raises(ValueError, match="name"):
        machine.MachineSpec(name, "host", b"", "", 1, 1)


@pytest.mark.parametrize(
    "device", ["/dev/sdb", "oracleoci/oraclevdb", "/dev/oracleoci/oraclevda", "/dev/oracleoci/../sda"]
)
def test_volumes_appear_at_consistent_device_paths_only(device: str) -> None:
    with pytest.raises(SandboxError, match="consistent device path"):
        machine.detach(f"{paths.MACHINE_PREFIX}none", device)


def test_attachments_are_read_as_they_were_written(tmp_path: Path) -> None:
    attachments = [machine.Attachment("oracleoci/oraclevdb", 7, Path("/a folder/volume"))]
    machine._write_attachments(tmp_path, attachments)
    assert machine._attachments(tmp_path) == attachments


def test_the_seed_is_what_cloud_init_reads(tmp_path: Path) -> None:
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


def test_whatever_joins_the_sandboxs_network_says_at_which_address() -> None:
    # One that podman chose would be a machine's, made later.
    sources = [file for folder in ("sandbox", "tests") for file in (ROOT / folder).rglob("*.py")]
    joining = [
        line for file in sources for line in file.read_text().splitlines() if '"--network", paths.' + "NETWORK" in line
    ]
    assert len(joining) > 5
    assert [line.strip() for line in joining if '"--ip", ' not in line] == []


def test_each_machine_gets_an_address_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "CLOUD", tmp_path)
    monkeypatch.setattr(paths, "MACHINES", tmp_path / "machines")
    given = [address.reserve(name) for name in ("a", "b", "c", "a")]
    assert given == [str(paths.SUBNET[10]), str(paths.SUBNET[11]), str(paths.SUBNET[12]), str(paths.SUBNET[10])]
    address.release("b")
    assert address.reserve("d") == str(paths.SUBNET[11])


def test_a_volume_is_sparse_and_grows_and_does_not_shrink(tmp_path: Path, no_loop_devices: list[str]) -> None:
    file = tmp_path / "volume"
    volume.create(file, 50)
    assert file.stat().st_size == 50 * 1024**3
    assert file.stat().st_blocks == 0
    volume.create(file, 60)
    assert file.stat().st_size == 60 * 1024**3
    with pytest.raises(SandboxError, match="cannot shrink to 50 GB"):
        volume.create(file, 50)


def test_a_volume_in_use_is_not_deleted(tmp_path: Path, no_loop_devices: list[str]) -> None:
    file = tmp_path / "volume"
    volume.create(file, 1)
    no_loop_devices.append("/dev/loop9")
    with pytest.raises(SandboxError, match="/dev/loop9"):
        volume.delete(file)
    no_loop_devices.clear()
    volume.delete(file)
    volume.delete(file)
    assert not file.exists()


# --- podman -----------------------------------------------------------------------------------------------------------


def test_podman_never_touches_the_users_own() -> None:
    command = engine.command("ps")
    options = command[command.index("podman") :]
    for option in ("--root", "--runroot", "--tmpdir"):
        place = Path(options[options.index(option) + 1])
        assert place.is_relative_to(paths.HOME) or place.is_relative_to(paths.RUNTIME)
    assert any(word.startswith(f"CONTAINERS_CONF={paths.HOME}") for word in command)


def test_containers_conf_asks_for_no_more_than_the_host_gives() -> None:
    meagre = engine.containers_conf(hybrid_cgroups=True, may_raise_limits=False)
    assert 'runtime = "runc"' in meagre
    assert "default_ulimits" in meagre
    usual = engine.containers_conf(hybrid_cgroups=False, may_raise_limits=True, network_folder=Path("/n"))
    assert "runtime" not in usual
    assert "default_ulimits" not in usual
    assert 'network_config_dir = "/n"' in usual


def test_sockets_of_containers_have_short_paths() -> None:
    assert len(str(buildkit.SOCKET)) < 60
    assert len(paths.BRIDGE) <= 15


# --- images -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        *("dev/null", "proc/x", "var/lib/dpkg/status", "etc/apt/sources.list", "etc/hostname", "etc/resolv.conf"),
        *("usr/share/doc/bash/copyright", "usr/share/locale/de", "usr/share/zoneinfo/right/UTC"),
        "usr/lib/aarch64-linux-gnu/gconv/EBCDIC.so",
    ],
)
def test_layers_leave_out_what_no_app_reads(name: str) -> None:
    assert root_layer.left_out(name)


@pytest.mark.parametrize(
    "name",
    ["dev", "tmp", "etc/passwd", "etc/nsswitch.conf", "usr/bin/env", "usr/share/zoneinfo/UTC", "usr/lib/os-release"],
)
def test_layers_keep_what_an_app_may_need(name: str) -> None:
    assert not root_layer.left_out(name)


def packed(path: Path, files: dict[str, bytes], mtime: int = 1) -> Path:
    """A tar as mmdebstrap writes it."""
    masters = {
        "usr/share/base-passwd/passwd.master": b"root:x:0:0::/root:/bin/bash\n",
        "usr/share/base-passwd/group.master": b"",
    }
    with tarfile.open(path, "w") as tar:
        for name, content in {**masters, **files}.items():
            entry = tarfile.TarInfo(f"./{name}")
            entry.size, entry.mtime = len(content), mtime
            tar.addfile(entry, io.BytesIO(content))
    return path


def layer_names(layout: Path, layer: oci_layout.Layer) -> set[str]:
    with tarfile.open(oci_layout.blob(layout, layer.digest)) as tar:
        return {entry.name.removeprefix("./") for entry in tar}


def test_a_layer_has_users_certificates_and_the_native_byte_code(tmp_path: Path) -> None:
    code = "usr/lib/python3.11/__pycache__/os.cpython-311.pyc"
    native = packed(tmp_path / "amd64.tar", {code: b"code"})
    foreign = packed(tmp_path / "arm64.tar", {"usr/lib/python3.11/os.py": b"", "usr/share/doc/x": b""})
    names = layer_names(tmp_path, root_layer.write_layer(foreign, native, tmp_path, "3.11"))
    assert {
        "etc/passwd",
        "etc/group",
        root_layer.CA_BUNDLE,
        code,
        "usr/lib/python3.11/os.py",
        "usr/bin/python3",
    } <= names
    assert "usr/share/doc/x" not in names


def test_the_same_packages_are_the_same_layer(tmp_path: Path) -> None:
    digests = set()
    for time in (1, 2):
        root = packed(tmp_path / f"{time}.tar", {"usr/bin/env": b"env"}, mtime=time)
        digests.add(root_layer.write_layer(root, root, tmp_path, "3.11").digest)
    assert len(digests) == 1


def test_an_index_leads_to_one_image_for_each_platform(tmp_path: Path) -> None:
    layer = oci_layout.Layer("sha256:" + "a" * 64, "sha256:" + "b" * 64, 1)
    images = [oci_layout.write_image(tmp_path, architecture, [layer]) for architecture in ("amd64", "arm64")]
    oci_layout.write_index(tmp_path, images, "3.11")
    index = json.loads(oci_layout.blob(tmp_path, oci_layout.index_digest(tmp_path)).read_text())
    assert [entry["platform"]["architecture"] for entry in index["manifests"]] == ["amd64", "arm64"]
    manifest = json.loads(oci_layout.blob(tmp_path, index["manifests"][1]["digest"]).read_text())
    config = json.loads(oci_layout.blob(tmp_path, manifest["config"]["digest"]).read_text())
    assert (config["architecture"], config["rootfs"]["diff_ids"]) == ("arm64", [layer.diff_id])


def test_wheels_find_what_they_take_for_granted_in_the_base() -> None:
    assert {"libstdc++6", "libgcc-s1", "bash", "tini"} <= set(base_image.PACKAGES)


def a_distribution(name: str, python: str = "3.12") -> distribution.Distribution:
    archives = [distribution.Source("http://archive/ubuntu", "noble", ["main", "universe"])]
    return distribution.Distribution(name, "noble", "amd64", "/k.gpg", archives, python, netavark=False)


def test_other_architectures_of_ubuntu_come_from_its_ports() -> None:
    ubuntu, debian = a_distribution("ubuntu"), a_distribution("debian")
    assert ubuntu.sources("amd64") == ["deb [signed-by=/k.gpg] http://archive/ubuntu noble main universe"]
    assert "ports.ubuntu.com" in ubuntu.sources("arm64")[0]
    assert debian.sources("arm64") == debian.sources("amd64")


def test_machines_get_the_network_that_their_release_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distribution, "this", lambda: a_distribution("ubuntu"))
    assert "containernetworking-plugins" in machine_image.packages()
    assert "netavark" not in machine_image.packages()


def test_a_release_without_a_python_that_will_do_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distribution, "this", lambda: a_distribution("debian", python=""))
    with pytest.raises(SandboxError, match=r"no Python from 3\.11 on"):
        base_image.python_version()


def test_the_files_of_the_machine_image_belong_to_root_and_hold_no_key(tmp_path: Path) -> None:
    machine_image._own_files(tmp_path / "files.tar")
    with tarfile.open(tmp_path / "files.tar") as tar:
        entries = {entry.name: entry for entry in tar}
        private = [name for name, entry in entries.items() if entry.isreg() and b"PRIVATE KEY" in reading(tar, entry)]
    assert {(entry.uid, entry.gid) for entry in entries.values()} == {(0, 0)}
    assert entries["./usr/local/sbin/sandbox-hypervisor"].mode == 0o755
    assert private == []


def reading(tar: tarfile.TarFile, entry: tarfile.TarInfo) -> bytes:
    file = tar.extractfile(entry)
    return file.read() if file else b""


# --- account, registry, builder ---------------------------------------------------------------------------------------


@pytest.fixture
def own_account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(paths, "ACCOUNT", tmp_path)
    for name, file in (("SSH_KEY", "id_ed25519"), ("TOKEN", "t"), ("PASSWORD", "p"), ("PASSPHRASE", "s")):
        monkeypatch.setattr(account, name, tmp_path / file)
    return tmp_path


def test_an_account_is_made_once_and_for_its_owner_alone(own_account: Path) -> None:
    account.ensure()
    before = {file.name: file.read_text() for file in own_account.iterdir()}
    account.ensure()
    assert before == {file.name: file.read_text() for file in own_account.iterdir()}
    assert set(before) == {"id_ed25519", "id_ed25519.pub", "t", "p", "s"}
    for name in set(before) - {"id_ed25519.pub"}:
        assert stat.S_IMODE((own_account / name).stat().st_mode) == 0o600
    assert "ENCRYPTED" not in before["id_ed25519"]
    assert len(account.app_password()) >= 8


def test_the_registry_certificate_is_for_its_address_and_the_authority_for_no_other_network(tmp_path: Path) -> None:
    tls.ensure(tmp_path, paths.REGISTRY_ADDRESS, paths.SUBNET)
    ca = x509.load_pem_x509_certificate((tmp_path / "ca.pem").read_bytes())
    constraints = ca.extensions.get_extension_for_class(x509.NameConstraints)
    assert constraints.critical
    assert constraints.value.permitted_subtrees == [x509.IPAddress(paths.SUBNET)]
    server = x509.load_pem_x509_certificate((tmp_path / "server.pem").read_bytes())
    server.verify_directly_issued_by(ca)
    names = server.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(address) for address in names.get_values_for_type(x509.IPAddress)] == [paths.REGISTRY_ADDRESS]
    assert {file.name for file in tmp_path.iterdir()} == {"ca.pem", "server.pem", "server-key.pem"}
    # OpenSSL is content with the chain as well.
    context = ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))
    context.load_cert_chain(tmp_path / "server.pem", tmp_path / "server-key.pem")


def test_certificates_are_made_once_for_an_address_and_anew_for_another(tmp_path: Path) -> None:
    made = []
    for one in ("10.9.0.2", "10.9.0.2", "10.9.0.3"):
        tls.ensure(tmp_path, one, ipaddress.IPv4Network("10.9.0.0/24"))
        made.append((tmp_path / "ca.pem").read_bytes())
    assert made[0] == made[1] != made[2]


@pytest.fixture
def repositories(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(registry, "_REPOSITORIES", tmp_path / "repositories")
    monkeypatch.setattr(registry, "_GARBAGE", tmp_path / "garbage")
    manifests = tmp_path / "repositories/sandbox/app/_manifests"
    for link in ("tags/v1/current/link", f"revisions/sha256/{'a' * 64}/link"):
        (manifests / link).parent.mkdir(parents=True)
        (manifests / link).write_text("sha256:" + "a" * 64)
    return tmp_path


def test_a_repository_goes_with_all_its_images(repositories: Path) -> None:
    assert registry.images("sandbox", "app") == ["v1", "sha256:" + "a" * 64]
    assert registry.digest("sandbox", "app", "v1") == "sha256:" + "a" * 64
    registry.delete_repository("sandbox", "app")
    registry.delete_repository("sandbox", "app")
    assert registry.images("sandbox", "app") == []
    assert registry.digest("sandbox", "app", "v1") is None
    assert (repositories / "garbage").exists()


@pytest.mark.parametrize("name", ["", "../other", "../../x", "/etc"])
def test_nothing_but_a_repository_is_deleted(repositories: Path, name: str) -> None:
    with pytest.raises(ValueError, match="no name of a repository"):
        registry.delete_repository("sandbox", name)


def test_the_registry_wants_tls_and_a_login() -> None:
    configuration = yaml.safe_load(registry.configuration())
    assert set(configuration["http"]["tls"]) == {"certificate", "key"}
    assert "htpasswd" in configuration["auth"]
    assert configuration["storage"]["delete"]["enabled"]


def test_buildkit_builds_both_platforms_and_trusts_the_registry() -> None:
    tomllib = pytest.importorskip("tomllib")
    configuration = tomllib.loads(buildkit.configuration(1000, 1001))
    assert configuration["worker"]["oci"]["platforms"] == ["linux/amd64", "linux/arm64"]
    assert configuration["registry"][paths.REGISTRY_ADDRESS]["ca"]
    assert (configuration["grpc"]["uid"], configuration["grpc"]["gid"]) == (1000, 1001)
    assert json.loads(buildkit.builder())["Nodes"][0]["Endpoint"] == f"unix://{buildkit.SOCKET}"


# --- Pulumi -----------------------------------------------------------------------------------------------------------


def test_pulumi_gets_nothing_of_the_users_own() -> None:
    inherited = {
        "PATH": "/usr/bin",
        "HOME": "/home/me",
        "PULUMI_ACCESS_TOKEN": "mine",
        "PULUMI_HOME": "/home/me/.pulumi",
        "DOCKER_HOST": "ssh://there",
        "no_proxy": "intranet",
    }
    given = environment.environment(inherited)
    assert "PULUMI_ACCESS_TOKEN" not in given
    assert "DOCKER_HOST" not in given
    assert given["HOME"] == "/home/me"
    for name in ("PULUMI_HOME", "PULUMI_CONFIG_PASSPHRASE_FILE", "DOCKER_CONFIG", "SSL_CERT_FILE"):
        assert Path(given[name]).is_relative_to(paths.HOME)
    assert given["PATH"].split(":")[-1] == "/usr/bin"
    assert given["no_proxy"] == f"intranet,{paths.SUBNET}"


def test_the_stack_file_follows_the_committed_one_and_keeps_what_was_set_in_it() -> None:
    before = {"a": 1, "b": 1, "c": 1}
    current = {"a": 1, "b": "mine", "c": 1, "set": "here"}
    now = {"a": 2, "b": 2, "new": 3}
    result = stack_file.merged(current, before, now, {"added": 4, "a": "not this"})
    assert result == {"a": 2, "b": "mine", "set": "here", "new": 3, "added": 4}


@pytest.mark.parametrize(("was", "written"), [(1, "1"), (0.5, "0.5"), (True, "true")])
def test_a_number_follows_the_committed_file_after_pulumi_has_written_it_as_text(was: object, written: str) -> None:
    assert stack_file.merged({"p:a": written}, {"p:a": was}, {"p:a": 2}, {}) == {"p:a": 2}
    assert stack_file.merged({"p:a": "of my own"}, {"p:a": was}, {"p:a": 2}, {}) == {"p:a": "of my own"}


def test_a_first_stack_file_is_the_committed_one_and_the_account() -> None:
    assert stack_file.merged({}, {}, {"p:a": 1}, {"p:a": 0, "oci:region": "r"}) == {"p:a": 1, "oci:region": "r"}


def test_the_account_reaches_the_machines_from_the_gateway_only() -> None:
    values = stack_file.account_values("p")
    assert values["p:sshNetworks"] == [f"{paths.GATEWAY}/32"]
    assert not any("assword" in key or "oken" in key for key in values)


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with the project's own Pulumi.yaml and Pulumi.local.yaml, and no other stack file."""
    for name in ("Pulumi.yaml", "Pulumi.local.yaml"):
        (tmp_path / name).write_text((ROOT / name).read_text())
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    monkeypatch.setattr(paths, "STACKS", tmp_path / "stacks")
    paths.STACKS.mkdir()
    return tmp_path


def test_a_stack_file_of_a_few_lines_says_whether_the_sandbox_needs_a_cluster(checkout: Path) -> None:
    (checkout / "Pulumi.small.yaml").write_text("config: {}\n")
    (checkout / "Pulumi.large.yaml").write_text("config:\n  containerised-app:target: kubernetes\n")
    assert stack_file.target("small") == "instance"
    assert stack_file.target("large") == "kubernetes"
    stack_file.path("small").write_text("config:\n  containerised-app:target: kubernetes\n")
    assert stack_file.target("small") == "kubernetes", "what was set in the sandbox itself counts"


def test_a_stack_without_a_file_is_told_what_to_write(checkout: Path) -> None:
    with pytest.raises(SandboxError, match=r"a file Pulumi\.lcoal\.yaml makes one"):
        stack_file.target("lcoal")


def test_a_stack_that_is_built_here_gets_what_the_stack_local_has_where_it_says_nothing(checkout: Path) -> None:
    (checkout / "Pulumi.small.yaml").write_text("config:\n  containerised-app:builder: mine\n")
    added = stack_file.build_values("containerised-app")
    assert added["containerised-app:registryHost"] == paths.REGISTRY_ADDRESS
    assert set(added) == {f"containerised-app:{key}" for key in stack_file.BUILD_KEYS}
    joined = stack_file._current("containerised-app", "small", added)
    assert joined["containerised-app:builder"] == "mine"
    assert joined["containerised-app:baseImage"] == added["containerised-app:baseImage"]


def test_values_encrypted_with_another_key_are_left_out() -> None:
    assert stack_file._readable({"p:password": {"secure": "v1:x"}, "p:port": 1}) == {"p:port": 1}


def test_another_subnet_moves_the_registry_of_committed_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "REGISTRY_ADDRESS", "10.9.0.2")
    config = {"host": "10.189.0.2", "image": "10.189.0.2/sandbox/base", "other": "10.189.0.23", "list": ["10.189.0.2"]}
    moved = stack_file._readable(config)
    assert moved == {
        "host": "10.9.0.2",
        "image": "10.9.0.2/sandbox/base",
        "other": "10.189.0.23",
        "list": ["10.189.0.2"],
    }


@pytest.mark.parametrize(
    ("line", "words", "stack"),
    [
        ("up --yes --stack dev", ("up",), "dev"),
        ("-C /x config set --secret key -s=a", ("config", "set", "key"), "a"),
        ("stack output tunnel -s b", ("stack", "output", "tunnel"), "b"),
        ("config set key -- --value", ("config", "set", "key", "--value"), ""),
    ],
)
def test_command_lines_are_read_as_pulumi_reads_them(line: str, words: tuple[str, ...], stack: str) -> None:
    arguments = pulumi_command.parse(line.split())
    assert (arguments.words, arguments.stack) == (words, stack)


@pytest.fixture
def prepared(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The stacks whose files were made."""
    stacks: list[str] = []

    def ensure(stack: str) -> Path:
        stacks.append(stack)
        return Path(f"/stacks/Pulumi.{stack}.yaml")

    monkeypatch.setattr(stack_file, "ensure", ensure)
    monkeypatch.setattr(stack_file, "exists", lambda name, stack: False)
    monkeypatch.delenv("PULUMI_STACK", raising=False)
    monkeypatch.chdir(ROOT)
    return stacks


def test_commands_that_read_configuration_read_the_sandboxs(prepared: list[str]) -> None:
    line = pulumi_command.command_line(["--color", "never", "up", "--yes"])
    assert line == ["--color", "never", "up", "--config-file", "/stacks/Pulumi.local.yaml", "--yes"]
    assert prepared == ["local"]


def test_a_configuration_file_that_is_given_is_left_alone(prepared: list[str]) -> None:
    given = ["preview", "--stack", "e2e", "--config-file", "/mine.yaml"]
    assert pulumi_command.command_line(given) == given
    assert prepared == []


def test_removing_a_stack_never_removes_the_committed_file(prepared: list[str]) -> None:
    assert "--preserve-config" in pulumi_command.command_line(["stack", "rm", "--yes", "--stack", "local"])
    assert prepared == []


def test_a_stack_nobody_knows_is_for_pulumi_to_refuse(prepared: list[str]) -> None:
    assert pulumi_command.command_line(["up", "--stack", "lcoal"]) == ["up", "--stack", "lcoal"]
    assert prepared == []


def test_other_projects_get_the_environment_alone(prepared: list[str], tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: other\nruntime: python\n")
    given = ["up", "--cwd", str(tmp_path)]
    assert pulumi_command.command_line(given) == given
    assert prepared == []


def test_plugins_have_the_version_that_the_program_is_pinned_to() -> None:
    assert f"pulumi-oci=={plugins.version('oci')}" in (ROOT / "requirements.txt").read_text()
    with pytest.raises(SandboxError, match="pulumi-nothing"):
        plugins.version("nothing")
    assert plugins.launcher("sandbox.oci").startswith("#!/bin/sh\n")


# --- processes, files, progress ---------------------------------------------------------------------------------------


def test_a_program_that_fails_is_named_with_what_it_said() -> None:
    with pytest.raises(CommandError, match=r"sh -c 'echo why >&2; exit 3'` ended with status 3:\nwhy"):
        process.run(["sh", "-c", "echo why >&2; exit 3"])


def test_a_program_that_is_missing_is_named_with_what_installs_it() -> None:
    with pytest.raises(SandboxError, match="`nothing-of-this-name` is not installed; `make local`"):
        process.run(["nothing-of-this-name"])


def test_a_program_that_hangs_is_ended() -> None:
    with pytest.raises(SandboxError, match="did not end within"):
        process.run(["sleep", "60"], timeout=0.1)


def test_the_end_of_the_log_is_in_the_error_of_a_long_step(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"(?s)the reason.*the whole log: "):
        process.run_logged(["sh", "-c", "echo the reason; false"], tmp_path / "log" / "step.log")


def test_files_are_replaced_whole_and_only_when_they_change(tmp_path: Path) -> None:
    file = tmp_path / "new folder" / "file"
    assert process.write_if_changed(file, "one", 0o600)
    assert not process.write_if_changed(file, "one", 0o600)
    assert process.write_if_changed(file, "two", 0o600)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in file.parent.iterdir()] == ["file"]


def test_steps_beside_each_other_all_end_and_all_errors_are_told() -> None:
    done = []

    def fail(message: str) -> None:
        raise SandboxError(message)

    with pytest.raises(SandboxError, match="one\n\ntwo"):
        progress.together(lambda: fail("one"), lambda: fail("two"), lambda: done.append(True))
    assert done == [True]


def test_timings_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(paths, "LOG", tmp_path)
    steps = progress.Progress("the work")
    steps.step("something", lambda: True)
    steps.step("nothing", lambda: False)
    steps.finish()
    record = json.loads((tmp_path / "timings.json").read_text())
    assert [(step["step"], step["changed"]) for step in record["steps"]] == [("something", True), ("nothing", False)]
    printed = capsys.readouterr().out
    assert "something: done" in printed
    assert "nothing:" not in printed


def test_stacks_that_still_have_resources_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "BACKEND", tmp_path)
    folder = tmp_path / ".pulumi" / "stacks" / "app"
    folder.mkdir(parents=True)
    (folder / "up.json").write_text(json.dumps({"checkpoint": {"latest": {"resources": [{}, {}]}}}))
    (folder / "empty.json").write_text(json.dumps({"checkpoint": {"latest": None}}))
    assert down.stacks() == {"app/empty": 0, "app/up": 2}


def test_what_comes_down_is_every_stack_of_the_sandbox_and_no_tests(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for stack in ("local", "mine", "empty"):
        stack_file.path(stack).write_text("config: {}\n")
    (checkout / ".kubeconfig-mine").touch()
    up = {"local": 3, "mine": 2, "empty": 0, "e2e": 5}
    monkeypatch.setattr(down, "stacks", lambda: {f"containerised-app/{name}": count for name, count in up.items()})
    commands: list[tuple[str, ...]] = []

    def pulumi(*words: str) -> None:
        commands.append(words)
        if words[:2] == ("stack", "rm"):
            del up[words[-1]]

    monkeypatch.setattr(down, "_pulumi", pulumi)
    monkeypatch.setattr(down, "_kept", {"local": "", "mine": "its volume stays"}.get)
    said: list[str] = []
    down.down(said.append, force=False)
    assert [words[-1] for words in commands if words[0] == "destroy"] == ["local", "mine"]
    assert up == {"empty": 0, "e2e": 5}
    assert not (checkout / ".kubeconfig-mine").exists()
    assert said == [
        "stack mine: its volume stays",
        "the sandbox stays up for containerised-app/e2e; `make destroy STACK=<name>` takes a stack back",
    ]


# --- check ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def url() -> str:
    """An address at which nothing listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


@pytest.fixture
def tunnel(url: str, tmp_path: Path) -> str:
    """The command of a "tunnel" through which /api answers at the address."""
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "api").touch()
    words = [sys.executable, "-m", "http.server", url.rpartition(":")[2], "--bind", "127.0.0.1"]
    return f"exec {shlex.join([*words, '--directory', str(tmp_path / 'app')])}"


def test_the_check_opens_the_tunnel_itself_and_closes_it(
    url: str, tunnel: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = tmp_path / "pid"
    outputs = {"url": url, "health": f"{url}/api", "tunnel": f"echo $$ > {opened}; {tunnel}"}
    monkeypatch.setattr(check, "outputs", lambda stack: outputs)
    said: list[str] = []
    check.check("local", said.append)
    assert url in "\n".join(said)
    assert outputs["tunnel"] in "\n".join(said)
    with pytest.raises(ProcessLookupError):
        os.kill(int(opened.read_text()), 0)


def test_the_tunnel_to_a_cluster_is_told_by_its_make_target(
    url: str, tunnel: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    outputs = {"url": url, "health": f"{url}/api", "tunnel": tunnel, "kubeconfig": "printf %s {}"}
    monkeypatch.setattr(check, "outputs", lambda stack: outputs)
    said: list[str] = []
    check.check("local-oke", said.append)
    assert "make tunnel STACK=local-oke\n" in "\n".join(said)
    assert "http.server" not in "\n".join(said)


@pytest.mark.parametrize("action", ["check", "hold_tunnel"])
def test_a_tunnel_whose_port_another_one_has_is_refused_with_the_key_that_moves_it(
    action: str, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The app of another stack would answer there.
    outputs = {"url": url, "health": f"{url}/api", "tunnel": "exec sleep 600"}
    monkeypatch.setattr(check, "outputs", lambda stack: outputs)
    port = int(url.rpartition(":")[2])
    with socket.create_server(("127.0.0.1", port)), pytest.raises(SandboxError) as caught:
        getattr(check, action)("dev", lambda _: None)
    assert f"127.0.0.1:{port} is taken" in str(caught.value)
    assert f"config set port {port + 1} --stack dev" in str(caught.value)
    assert "make up STACK=dev" in str(caught.value)


def test_an_app_that_does_not_answer_is_told_with_what_the_tunnel_said(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    outputs = {"url": url, "health": f"{url}/missing", "tunnel": "echo Permission denied >&2; exit 255"}
    monkeypatch.setattr(check, "outputs", lambda stack: outputs)
    monkeypatch.setattr(check, "SECONDS", 1)
    with pytest.raises(SandboxError, match="Permission denied"):
        check.check("local", lambda _: None)
