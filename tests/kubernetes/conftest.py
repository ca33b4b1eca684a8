"""A real Kubernetes control plane without nodes, for the tests of the emulated kubernetes provider."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kubernetes.kubernetes_project import ControlPlane, Project, control_plane, new_project
from tests.support.services import bring_up


@pytest.fixture(scope="package")
def plane(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A real Kubernetes without nodes."""
    bring_up(request.config, "--stack", "local-oke")
    with control_plane(tmp_path_factory.mktemp("plane")) as running:
        yield running


@pytest.fixture
def namespace(plane: ControlPlane, request: pytest.FixtureRequest) -> str:
    """The test's own namespace, created without Pulumi."""
    name = f"t{abs(hash(request.node.name)) % 10**8}"
    plane.request("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
    return name


@pytest.fixture
def project(plane: ControlPlane, namespace: str, tmp_path: Path) -> Project:
    """An empty stack of Kubernetes objects in the namespace."""
    started = new_project(tmp_path, plane)
    started.configure(namespace=namespace)
    return started
