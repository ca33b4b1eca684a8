"""The toolchain: suitable versions, installed tools and error messages."""

from __future__ import annotations

import dataclasses
import io
import json
import os
import re
import stat
import tarfile
from pathlib import Path

import pytest

import sandbox.toolchain as toolchain
from sandbox.process import SandboxError
from sandbox.toolchain import build, found, golang, official, tools

ROOT = Path(tools.__file__).resolve().parents[2]


def in_place(home: Path, tool: tools.Tool, source: str = "official release") -> None:
    for path in tool.paths(home):
        program(path, "true")
    tools.stamp(home, tool, source)


def program(path: Path, script: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("v3.259.0\n", (3, 259, 0)),
        ("go version go1.27rc1 linux/amd64", (1, 27, 0)),
        ("buildkitd github.com/moby/buildkit v0.31.1 0123abc", (0, 31, 1)),
        ("command not found", (0, 0, 0)),
    ],
)
def test_version_is_read_from_program_output(text: str, version: tuple[int, int, int]) -> None:
    assert tools.version_in(text) == version


def test_plugin_and_release_match_the_python_packages() -> None:
    requirements = (ROOT / "requirements.in").read_text().splitlines()
    assert f"pulumi-docker-build=={tools.DOCKER_BUILD_VERSION}" in requirements
    assert f"pulumi=={official.PULUMI_RELEASE}" in requirements


def test_go_from_pypi_satisfies_go_mod() -> None:
    assert tools.version_in(golang.WHEEL.read_text().partition("==")[2]) >= tools.GO_WANTED


def test_error_for_a_missing_module_names_module_and_command() -> None:
    with pytest.raises(SandboxError, match=r"(?s)example\.com/x.*git checkout"):
        tools.module_version("module m\n", "example.com/x")


def test_new_home_needs_every_tool(tmp_path: Path) -> None:
    assert tools.missing(tmp_path, environment={}) == list(tools.TOOLS)


def test_complete_home_needs_no_tool(tmp_path: Path) -> None:
    for tool in tools.TOOLS:
        in_place(tmp_path, tool)
    said: list[str] = []
    toolchain.ensure(tmp_path, said.append)
    assert said == []


def test_instance_target_needs_no_kubernetes(tmp_path: Path) -> None:
    for tool in tools.TOOLS:
        in_place(tmp_path, tool)
    assert tools.missing(tmp_path, environment={}) == []
    assert tools.missing(tmp_path, [tools.KUBERNETES], {}) == [tools.KUBERNETES]


def test_new_kubernetes_version_renews_only_kubernetes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for tool in (tools.BUILDKIT, tools.KUBERNETES):
        in_place(tmp_path, tool)
    module = tmp_path / "module"
    module.mkdir()
    for name in ("go.mod", "go.sum"):
        (module / name).write_text("another version\n")
    renewed = dataclasses.replace(tools.KUBERNETES, module=module)
    assert tools.missing(tmp_path, [tools.BUILDKIT, renewed], {}) == [renewed]


def test_go_mod_pins_matching_kubernetes_modules() -> None:
    text = (tools.KUBERNETES_MODULE / "go.mod").read_text()
    _, minor, patch = tools.version_in(tools.KUBERNETES_VERSION)
    replaced = re.findall(r"^\t(\S+) => (\S+) v0\.(\d+)\.(\d+)$", text, re.MULTILINE)
    assert len(replaced) == 29
    assert {(old == new, int(a), int(b)) for old, new, a, b in replaced} == {(True, minor, patch)}


def test_tool_with_a_deleted_file_is_missing(tmp_path: Path) -> None:
    for tool in tools.TOOLS:
        in_place(tmp_path, tool)
    (tmp_path / "bin" / "buildctl").unlink()
    assert tools.missing(tmp_path, environment={}) == [tools.BUILDKIT]


def test_link_to_an_uninstalled_pulumi_is_missing(tmp_path: Path) -> None:
    in_place(tmp_path, tools.PULUMI)
    link = tmp_path / "bin" / "pulumi"
    link.unlink()
    link.symlink_to(tmp_path / "uninstalled")
    assert tools.missing(tmp_path, [tools.PULUMI], {}) == [tools.PULUMI]


def test_tool_built_from_another_recipe_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    in_place(tmp_path, tools.BUILDKIT)
    monkeypatch.setattr(tools, "TAGS", "other")
    assert tools.missing(tmp_path, [tools.BUILDKIT], {}) == [tools.BUILDKIT]


def test_files_without_a_stamp_are_missing(tmp_path: Path) -> None:
    in_place(tmp_path, tools.BUILDKIT)
    tools.stamp_file(tmp_path).write_text('{"half": ')
    assert tools.missing(tmp_path, [tools.BUILDKIT], {}) == [tools.BUILDKIT]


def test_official_plugin_replaces_a_compiled_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home, given = tmp_path / "home", program(tmp_path / "given" / "pulumi-resource-docker-build", "echo official")
    in_place(home, tools.DOCKER_BUILD, "compiled")
    monkeypatch.setenv(tools.PLUGINS_VARIABLE, str(given.parent))
    assert tools.missing(home, [tools.DOCKER_BUILD]) == [tools.DOCKER_BUILD]
    found.take(home, [tools.DOCKER_BUILD], lambda line: None)
    assert tools.DOCKER_BUILD.paths(home)[0].read_bytes() == given.read_bytes()
    assert tools.missing(home, [tools.DOCKER_BUILD]) == []


def test_invalid_plugin_folder_is_an_error_with_the_fix(tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match=r"(?s)/nowhere is not a folder.*unset SANDBOX_PLUGINS"):
        tools.missing(tmp_path, environment={tools.PLUGINS_VARIABLE: "/nowhere"})


def test_pulumi_on_path_is_linked_with_its_language_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original = program(tmp_path / "cellar" / "pulumi", "echo v3.300.0")
    for name in ("pulumi-language-python", "pulumi-language-python-exec"):
        program(tmp_path / "cellar" / name, "true")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "pulumi").symlink_to(original)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    found.take(tmp_path / "home", [tools.PULUMI], lambda line: None)
    assert tools.missing(tmp_path / "home", [tools.PULUMI], {}) == []


@pytest.mark.parametrize(("version", "reason"), [("v3.100.0", "3.200.0 or newer"), ("v3.300.0", "no pulumi-language")])
def test_unsuitable_pulumi_is_skipped_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, reason: str
) -> None:
    program(tmp_path / "pulumi", f"echo {version}")
    # This machine may have a language host.
    monkeypatch.setenv("PATH", str(tmp_path))
    said: list[str] = []
    found.take(tmp_path / "home", [tools.PULUMI], said.append)
    assert reason in said[0]
    assert tools.missing(tmp_path / "home", [tools.PULUMI], {}) == [tools.PULUMI]


def test_search_on_path_skips_sandbox_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path / "bin" / "pulumi", "true")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert found.on_path("pulumi", tmp_path) is None


def test_release_unpacks_only_the_wanted_executables(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "release.tar.gz", "w:gz") as tar:
        for name in ("bin/buildkitd", "bin/buildkit-qemu-arm", "../bin/../../outside"):
            member = tarfile.TarInfo(name)
            member.size = 4
            tar.addfile(member, io.BytesIO(b"data"))
    folder = tmp_path / "home" / "bin"
    official._unpack((tmp_path / "release.tar.gz").as_uri(), ["bin/buildkitd"], folder, lambda line: None)
    assert [path.name for path in folder.iterdir()] == ["buildkitd"]
    assert stat.S_IMODE((folder / "buildkitd").stat().st_mode) == 0o755


def test_release_urls_follow_the_naming_of_each_project() -> None:
    assert official.pulumi_url("x86_64").endswith(f"/pulumi-v{official.PULUMI_RELEASE}-linux-x64.tar.gz")
    assert official.buildkit_url("aarch64").endswith(".linux-arm64.tar.gz")
    assert official.kubernetes_url("aarch64", "kubelet").endswith("/bin/linux/arm64/kubelet")
    with pytest.raises(SandboxError, match="riscv64 has no release"):
        official.pulumi_url("riscv64")


def test_failed_download_leaves_the_tool_to_the_next_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(official, "reachable", lambda: True)
    monkeypatch.setattr(official, "BUILDKIT_SITE", (tmp_path / "nothing").as_uri())
    said: list[str] = []
    official.take(tmp_path, [tools.BUILDKIT], said.append)
    assert "could not download buildkit" in said[-1]
    assert tools.missing(tmp_path, [tools.BUILDKIT], {}) == [tools.BUILDKIT]


def test_build_sets_the_version_of_every_program() -> None:
    linker = next(
        argument for argument in build.build_arguments(Path("out"), ["p"]) if argument.startswith("-ldflags=")
    )
    versions = [tools.PULUMI_VERSION, tools.BUILDKIT_VERSION, tools.KUBERNETES_VERSION]
    for version in (tools.DOCKER_BUILD_VERSION, *(f"v{one}" for one in versions)):
        assert f"={version}" in linker


def test_error_for_a_plugin_without_source_names_the_variable(tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match=r"pulumi-resource-command.*SANDBOX_PLUGINS"):
        build.take(tmp_path, [tools.plugin("command", "1.2.1")], lambda line: None)


@pytest.mark.parametrize(
    ("output", "advice"),
    [
        ('go: x@v1: Get "https://example.invalid": dial tcp: lookup example.invalid: no such host', "HTTPS_PROXY"),
        ("write /tmp/x: no space left on device", "disk is full"),
        ("p: /usr/lib/go/compile: signal: killed", "memory ran out"),
        ("p/a.go:1:2: undefined: x", "report it with the log"),
    ],
)
def test_build_error_names_the_fix(output: str, advice: str) -> None:
    text = golang.explain(f"some/package\n{output}\n", 1, Path("/log"))
    assert advice in text
    assert output in text
    assert "some/package" not in text


def test_long_command_reports_progress_and_its_last_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(golang, "PROGRESS_SECONDS", 0.05)
    go = golang.Go(program(tmp_path / "go", "echo pkg/a >&2; sleep 0.5; echo it went wrong >&2; exit 1"), {})
    said: list[str] = []
    with pytest.raises(SandboxError, match="it went wrong"):
        golang.watch(
            go,
            ["build"],
            cwd=tmp_path,
            log=tmp_path / "log",
            report=lambda count, seconds: f"{count} packages",
            counts=lambda line: " " not in line.strip(),
            say=said.append,
        )
    assert "1 packages" in said


def test_stamp_keeps_the_other_tools(tmp_path: Path) -> None:
    tools.stamp(tmp_path, tools.PULUMI, "a")
    tools.stamp(tmp_path, tools.BUILDKIT, "b")
    recorded = json.loads(tools.stamp_file(tmp_path).read_text())
    assert {name: entry["source"] for name, entry in recorded.items()} == {"pulumi": "a", "buildkit": "b"}
