"""What stacks with a cluster need in addition, and the containers of all clusters."""

from __future__ import annotations

from sandbox import engine, paths, toolchain
from sandbox.kubernetes import folders, image
from sandbox.progress import Progress
from sandbox.toolchain import tools


def programs(progress: Progress) -> None:
    """Install Kubernetes' programs. Compiling them takes 6 minutes on two cores the first time."""
    progress.step("Kubernetes", lambda: toolchain.ensure(paths.HOME, progress.say, [tools.KUBERNETES]))


def container_image(progress: Progress) -> None:
    """Build the image of the clusters' containers. Needs the configuration of the container engine."""
    progress.step("image of clusters", image.ensure)


def names() -> list[str]:
    """Return the names of all containers of clusters and nodes, clusters first."""
    found = []
    for prefix in (folders.CLUSTER_PREFIX, folders.NODE_PREFIX):
        listed = engine.podman("ps", "--all", "--format", "{{.Names}}", "--filter", f"name=^{prefix}").stdout
        found += listed.split()
    return found


def start_all() -> None:
    """Start the stopped containers after a restart of the host. The clusters attach volumes again."""
    for name in names():
        if not engine.running(name):
            engine.podman("start", name)
