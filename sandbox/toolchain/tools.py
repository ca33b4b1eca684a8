"""The tools of the sandbox, their versions, and whether they are installed.

A tool is a group of files from one source. A stamp records recipe and source of each tool, so a second run has nothing to do and a
changed go.mod renews the tools that depend on it.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sandbox.process import SandboxError, write_if_changed

FOLDER = Path(__file__).resolve().parent
LANGUAGE_HOST = FOLDER / "languagehost"
KUBERNETES_MODULE = FOLDER / "kubernetes"

PLUGINS_VARIABLE = "SANDBOX_PLUGINS"

# disable_grpc_modules is a tag of cloud.google.com/go/storage. It removes its metrics exporters and 135 of 2,896 packages. Pulumi does not
# use the removed gRPC transport for `gs://` backends.
TAGS = "disable_grpc_modules"

# Inlining and debug information take 40 % of the compiler's time (measured on a part of this tree: 56 s of CPU, 34 s without). The linker
# drops the debug information anyway. The standard library and BuildKit's compressors stay inlined: Go uses the last matching pattern.
COMPILER_FLAGS = (
    "-gcflags=all=-l -dwarf=false",
    "-gcflags=std=-dwarf=false",
    "-gcflags=github.com/klauspost/...=-dwarf=false",
)


def module_version(go_mod: str, module: str) -> str:
    """Return the required version of `module` in a go.mod, without v. Raises SandboxError if it is missing."""
    match = re.search(rf"^(?:require)?\s*{re.escape(module)} v(\S+)", go_mod, re.MULTILINE)
    if match is None:
        raise SandboxError(
            f"sandbox/toolchain/go.mod does not require {module}; restore it with `git checkout sandbox/toolchain`"
        )
    return match[1]


def go_wanted(go_mod: str) -> tuple[int, int, int]:
    """Return the oldest Go that a go.mod accepts."""
    match = re.search(r"^go (\S+)", go_mod, re.MULTILINE)
    return version_in(match[1]) if match else (1, 0, 0)


def version_in(text: str) -> tuple[int, int, int]:
    """Return the first version in the output of a program: "v3.259.0", "go version go1.27rc1 linux/amd64".

    A pre-release counts as the release. Returns (0, 0, 0) if there is none.
    """
    match = re.search(r"(\d+)\.(\d+)(?:\.(\d+))?", text)
    return (int(match[1]), int(match[2]), int(match[3] or 0)) if match else (0, 0, 0)


GO_MOD = (FOLDER / "go.mod").read_text()
PULUMI_VERSION = module_version(GO_MOD, "github.com/pulumi/pulumi/pkg/v3")
DOCKER_BUILD_VERSION = module_version(GO_MOD, "github.com/pulumi/pulumi-docker-build")
BUILDKIT_VERSION = module_version(GO_MOD, "github.com/moby/buildkit")
BUILDX_VERSION = module_version(GO_MOD, "github.com/docker/buildx")
GO_WANTED = max(go_wanted(file.read_text()) for file in FOLDER.rglob("go.mod"))
KUBERNETES_VERSION = module_version((KUBERNETES_MODULE / "go.mod").read_text(), "k8s.io/kubernetes")


@dataclass(frozen=True)
class Tool:
    """A group of files. files: relative to the sandbox's home; plugin: name and version of a Pulumi provider plugin; packages: what Go
    compiles in the folder `module`.
    """

    name: str
    files: tuple[str, ...]
    plugin: tuple[str, str] | None = None
    packages: tuple[str, ...] = ()
    module: Path = FOLDER

    def paths(self, home: Path) -> list[Path]:
        """Return the paths of the files."""
        return [home / file for file in self.files]


def plugin(name: str, version: str, packages: tuple[str, ...] = ()) -> Tool:
    """Return the tool of a provider plugin, in the folder where Pulumi expects it."""
    file = f"pulumi/plugins/resource-{name}-v{version}/pulumi-resource-{name}"
    return Tool(f"the {name} plugin", (file,), (name, version), packages)


PULUMI = Tool(
    "pulumi",
    ("bin/pulumi", "bin/pulumi-language-python", "bin/pulumi-language-python-exec"),
    packages=("github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",),
)
DOCKER_BUILD = plugin(
    "docker-build",
    DOCKER_BUILD_VERSION,
    ("github.com/pulumi/pulumi-docker-build/provider/cmd/pulumi-resource-docker-build",),
)
BUILDKIT = Tool(
    "buildkit",
    ("bin/buildkitd", "bin/buildctl"),
    packages=("github.com/moby/buildkit/cmd/buildkitd", "github.com/moby/buildkit/cmd/buildctl"),
)
TOOLS = (PULUMI, DOCKER_BUILD, BUILDKIT)

_KUBERNETES_PROGRAMS = (
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kubelet",
    "kube-proxy",
    "kubectl",
)
# Only stacks with a cluster need it.
KUBERNETES = Tool(
    "kubernetes",
    tuple(f"bin/{name}" for name in _KUBERNETES_PROGRAMS),
    packages=tuple(f"k8s.io/kubernetes/cmd/{name}" for name in _KUBERNETES_PROGRAMS),
    module=KUBERNETES_MODULE,
)


def recipe(module: Path = FOLDER) -> str:
    """Return a hash of module versions, checksums, tags and compiler flags."""
    folders = (FOLDER, LANGUAGE_HOST) if module == FOLDER else (module,)
    parts = [folder / name for folder in folders for name in ("go.mod", "go.sum")]
    digest = hashlib.sha256("\n".join((TAGS, *COMPILER_FLAGS)).encode())
    for part in parts:
        digest.update(part.read_bytes())
    return digest.hexdigest()


def given_plugin(tool: Tool, environment: Mapping[str, str] = os.environ) -> Path | None:
    """Return the official binary of a plugin in the folder SANDBOX_PLUGINS, or None. Raises SandboxError if that is not a folder."""
    folder = environment.get(PLUGINS_VARIABLE)
    if not folder or tool.plugin is None:
        return None
    if not Path(folder).is_dir():
        raise SandboxError(
            f"{PLUGINS_VARIABLE}={folder} is not a folder; set it to a folder with files such as pulumi-resource-docker-build, "
            f"or `unset {PLUGINS_VARIABLE}`"
        )
    binary = Path(folder).absolute() / f"pulumi-resource-{tool.plugin[0]}"
    return binary if binary.is_file() else None


def identity(binary: Path) -> str:
    """Return path, size and modification time of a file, which identify it."""
    status = binary.stat()
    return f"{binary} {status.st_size} {status.st_mtime_ns}"


def stamps(home: Path) -> dict[str, dict[str, str]]:
    """Return the records of earlier runs; empty if the file is missing or invalid."""
    try:
        content = json.loads(stamp_file(home).read_text())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def stamp_file(home: Path) -> Path:
    """Return the file of the records."""
    return home / "stamps" / "toolchain.json"


def stamp(home: Path, tool: Tool, source: str) -> None:
    """Record that all files of a tool are installed, and their source."""
    content = stamps(home) | {tool.name: {"recipe": recipe(tool.module), "source": source}}
    write_if_changed(stamp_file(home), json.dumps(content, indent=2, sort_keys=True) + "\n")


def missing(home: Path, tools: Iterable[Tool] = TOOLS, environment: Mapping[str, str] = os.environ) -> list[Tool]:
    """Return the tools that are incomplete, of another recipe, or of another source than SANDBOX_PLUGINS gives."""
    recorded = stamps(home)

    def is_current(tool: Tool) -> bool:
        entry = recorded.get(tool.name, {})
        given = given_plugin(tool, environment)
        return (
            entry.get("recipe") == recipe(tool.module)
            and (given is None or entry.get("source") == identity(given))
            and all(os.access(path, os.X_OK) for path in tool.paths(home))
        )

    return [tool for tool in tools if not is_current(tool)]


def place(source: Path, target: Path) -> None:
    """Install a finished file as an executable, atomically."""
    source.chmod(0o755)
    target.parent.mkdir(parents=True, exist_ok=True)
    source.replace(target)
