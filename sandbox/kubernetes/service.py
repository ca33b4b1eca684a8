"""What stacks with a cluster need beside the rest of the sandbox, and what there is of clusters."""

from __future__ import annotations

from sandbox import engine, paths, toolchain
from sandbox.kubernetes import folders, image
from sandbox.progress import Progress
from sandbox.toolchain import tools


def programs(progress: Progress) -> None:
    """Have Kubernetes' own programs: 6 minutes of two cores the first time where they have to be compiled."""
    progress.step("Kubernetes", lambda: toolchain.ensure(paths.HOME, progress.say, [tools.KUBERNETES]))


def container_image(progress: Progress) -> None:
    """Have the image of clusters' containers. Needs the container engine's configuration."""
    progress.step("image of clusters", image.ensure)


def names() -> list[str]:
    """All containers of clusters and nodes, clusters first."""
    found = []
    for prefix in (folders.CLUSTER_PREFIX, folders.NODE_PREFIX):
        listed = engine.podman("ps", "--all", "--format", "{{.Names}}", "--filter", f"name=^{prefix}").stdout
        found += listed.split()
    return found


def start_all() -> None:
    """Start those which are down because the host was. Volumes are attached again by the cluster itself."""
    for name in names():
        if not engine.running(name):
            engine.podman("start", name)
