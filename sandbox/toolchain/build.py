"""Compiles tools that are not available otherwise, from the module versions pinned in go.mod and go.sum.

Go's caches keep compiled packages, so an interrupted build continues.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from sandbox.process import SandboxError
from sandbox.progress import duration
from sandbox.toolchain import golang, tools
from sandbox.toolchain.golang import Go
from sandbox.toolchain.tools import Tool

HOST_PACKAGE = "github.com/pulumi/pulumi/sdk/v3/python/cmd/pulumi-language-python"
SDK_MODULE = "github.com/pulumi/pulumi/sdk/v3"
KUBERNETES_PACKAGE = "k8s.io/component-base/version"

# The variables with the version of each program; the linker ignores unknown ones.
VERSIONS = {
    f"{SDK_MODULE}/go/common/version.Version": f"v{tools.PULUMI_VERSION}",
    "github.com/pulumi/pulumi-docker-build/provider.Version": tools.DOCKER_BUILD_VERSION,
    "github.com/docker/buildx/version.Version": f"v{tools.BUILDX_VERSION}",
    "github.com/moby/buildkit/version.Version": f"v{tools.BUILDKIT_VERSION}",
    # Without these, the API server reports v0.0.0 and clients refuse it (source: kubernetes hack/lib/version.sh).
    f"{KUBERNETES_PACKAGE}.gitVersion": f"v{tools.KUBERNETES_VERSION}",
    f"{KUBERNETES_PACKAGE}.gitMajor": tools.KUBERNETES_VERSION.split(".")[0],
    f"{KUBERNETES_PACKAGE}.gitMinor": tools.KUBERNETES_VERSION.split(".")[1],
}


def take(home: Path, wanted: Sequence[Tool], say: Callable[[str], None]) -> None:
    """Compile and install `wanted`.

    Raises SandboxError, with the fix, if Go is not available, if a module cannot be downloaded or compiled, and for a plugin without
    source in go.mod.
    """
    for tool in wanted:
        if not tool.packages:
            raise SandboxError(
                f"the sandbox cannot compile {tool.name}; put its official binary {tool.paths(home)[0].name} into a folder and "
                f"set {tools.PLUGINS_VARIABLE} to that folder"
            )
    go = golang.find(home, say)
    caches = go.run("env", "GOMODCACHE", "GOCACHE", cwd=tools.FOLDER).split("\n")
    say(
        f"compiling {_names(wanted)} with {go.program}: about 5 minutes on 2 cores the first time. Modules and compiled packages "
        f"stay in Go's caches {' and '.join(caches)} (`go clean -modcache -cache` empties them)"
    )
    scratch = home / "toolchain-build"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    try:
        # The smaller module first; both share most packages.
        if tools.PULUMI in wanted:
            _compile(go, tools.LANGUAGE_HOST, [HOST_PACKAGE], "Pulumi's language host for Python", scratch, home, say)
        for module in dict.fromkeys(tool.module for tool in wanted):
            group = [tool for tool in wanted if tool.module == module]
            packages = [package for tool in group for package in tool.packages]
            _compile(go, module, packages, _names(group), scratch, home, say)
        if tools.PULUMI in wanted:
            sdk = Path(go.run("list", "-m", "-f", "{{.Dir}}", SDK_MODULE, cwd=tools.FOLDER))
            # The language host starts this script. The one beside the host, of version 3.68.0, is too old for the current SDK.
            name = "pulumi-language-python-exec"
            shutil.copyfile(sdk / "python" / "cmd" / name, scratch / name)
        for tool in wanted:
            for path in tool.paths(home):
                tools.place(scratch / path.name, path)
            tools.stamp(home, tool, f"compiled, {go.run('version', cwd=tools.FOLDER)}")
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def build_arguments(output: Path, packages: Sequence[str]) -> list[str]:
    """Return the arguments of `go` that compile the packages into a folder."""
    versions = " ".join(f"-X {variable}={version}" for variable, version in VERSIONS.items())
    flags = ["-v", "-trimpath", "-buildvcs=false", f"-tags={tools.TAGS}", *tools.COMPILER_FLAGS]
    # -s -w: without symbol table and debug information, which halves the size.
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
        # go does not print cached packages, so the count may stay below the total.
        report=lambda count, seconds: f"building {names}: {count} of {total} packages, {duration(seconds)}",
        # -v prints the path of each compiled package; other lines contain blanks.
        counts=lambda line: " " not in line.strip(),
        say=say,
    )


def _names(wanted: Sequence[Tool]) -> str:
    return ", ".join(tool.name for tool in wanted)
