"""Compiles what could not be had otherwise, from the module versions pinned in go.mod and go.sum.

Go's own caches make this resumable: after an interruption only what was not compiled yet is compiled.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from sandbox.process import SandboxError
from sandbox.toolchain import golang, tools
from sandbox.toolchain.golang import Go, duration
from sandbox.toolchain.tools import Tool

HOST_PACKAGE = "github.com/pulumi/pulumi/sdk/v3/python/cmd/pulumi-language-python"
SDK_MODULE = "github.com/pulumi/pulumi/sdk/v3"
KUBERNETES_PACKAGE = "k8s.io/component-base/version"

# Where each program looks for its own version; the linker passes over those that a program does not have.
VERSIONS = {
    f"{SDK_MODULE}/go/common/version.Version": f"v{tools.PULUMI_VERSION}",
    "github.com/pulumi/pulumi-docker-build/provider.Version": tools.DOCKER_BUILD_VERSION,
    "github.com/docker/buildx/version.Version": f"v{tools.BUILDX_VERSION}",
    "github.com/moby/buildkit/version.Version": f"v{tools.BUILDKIT_VERSION}",
    # Without these the API server says that it is v0.0.0, and clients refuse it (source: kubernetes hack/lib/version.sh).
    f"{KUBERNETES_PACKAGE}.gitVersion": f"v{tools.KUBERNETES_VERSION}",
    f"{KUBERNETES_PACKAGE}.gitMajor": tools.KUBERNETES_VERSION.split(".")[0],
    f"{KUBERNETES_PACKAGE}.gitMinor": tools.KUBERNETES_VERSION.split(".")[1],
}


def take(home: Path, wanted: Sequence[Tool], say: Callable[[str], None]) -> None:
    """Compile `wanted`, put it in place and stamp it.

    Raises SandboxError, with what to do, when there is no way to a Go, a module cannot be downloaded or does not compile, and for
    a plugin that no module proxy serves.
    """
    for tool in wanted:
        if not tool.packages:
            raise SandboxError(
                f"{tool.name} cannot be compiled here: put its official binary {tool.paths(home)[0].name} into a folder and "
                f"name that folder in {tools.PLUGINS_VARIABLE}"
            )
    go = golang.find(home, say)
    caches = go.run("env", "GOMODCACHE", "GOCACHE", cwd=tools.FOLDER).split("\n")
    say(
        f"compiling {_names(wanted)} with {go.program}: about 5 minutes on 2 cores the first time. Modules and compiled packages "
        f"stay in Go's own caches, {' and '.join(caches)} (`go clean -modcache -cache` empties them)"
    )
    scratch = home / "toolchain-build"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    try:
        # The smaller module first: both have most of the standard library in common, so no time is lost.
        if tools.PULUMI in wanted:
            _compile(go, tools.LANGUAGE_HOST, [HOST_PACKAGE], "Pulumi's language host for Python", scratch, home, say)
        for module in dict.fromkeys(tool.module for tool in wanted):
            group = [tool for tool in wanted if tool.module == module]
            packages = [package for tool in group for package in tool.packages]
            _compile(go, module, packages, _names(group), scratch, home, say)
        if tools.PULUMI in wanted:
            sdk = Path(go.run("list", "-m", "-f", "{{.Dir}}", SDK_MODULE, cwd=tools.FOLDER))
            # A script which the language host starts; the folder of version 3.68.0 has one too old for today's SDK.
            name = "pulumi-language-python-exec"
            shutil.copyfile(sdk / "python" / "cmd" / name, scratch / name)
        for tool in wanted:
            for path in tool.paths(home):
                tools.place(scratch / path.name, path)
            tools.stamp(home, tool, f"compiled, {go.run('version', cwd=tools.FOLDER)}")
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def build_arguments(output: Path, packages: Sequence[str]) -> list[str]:
    """The arguments of `go` that compile the packages into a folder."""
    versions = " ".join(f"-X {variable}={version}" for variable, version in VERSIONS.items())
    flags = ["-v", "-trimpath", "-buildvcs=false", f"-tags={tools.TAGS}", *tools.COMPILER_FLAGS]
    # -s -w: no symbol table and no debug information, which halves the files.
    return ["build", *flags, f"-ldflags=-s -w {versions}", f"-o={output}/", *packages]


def _compile(
    go: Go, module: Path, packages: Sequence[str], names: str, output: Path, home: Path, say: Callable[[str], None]
) -> None:
    log = home / "log" / "toolchain.log"
    needed = golang.watch(
        go,
        ["list", f"-tags={tools.TAGS}", "-deps", *packages],
        cwd=module,
        log=log,
        report=lambda count, seconds: f"downloading Go modules for {names}: {count}, {duration(seconds)}",
        counts=lambda line: line.startswith("go: downloading "),
        say=say,
    )
    total = len(needed.splitlines())
    golang.watch(
        go,
        build_arguments(output, packages),
        cwd=module,
        log=log,
        # Packages which the cache has already are not counted by go, so the number need not reach the total.
        report=lambda count, seconds: f"building {names}: {count} of {total} packages, {duration(seconds)}",
        # -v prints the path of each package it compiles; whatever else there is has blanks in it.
        counts=lambda line: " " not in line.strip(),
        say=say,
    )


def _names(wanted: Sequence[Tool]) -> str:
    return ", ".join(tool.name for tool in wanted)
