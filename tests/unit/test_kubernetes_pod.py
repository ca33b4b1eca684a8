"""The Deployment as Kubernetes gets it: its labels, its requests and its health checks."""

from __future__ import annotations

from typing import Any

from specs import kubernetes
from tests.unit.kubernetes_values import APP

DEPLOYMENT: dict[str, Any] = kubernetes.deployment(APP, f"registry.example/app@sha256:{'0' * 64}")
POD = DEPLOYMENT["spec"]["template"]
CONTAINER = POD["spec"]["containers"][0]


def test_deployment_and_pod_have_the_labels_of_the_article_and_of_kubernetes() -> None:
    recommended = {f"app.kubernetes.io/{name}" for name in ("name", "instance", "version", "managed-by")}
    for labelled in (DEPLOYMENT, POD):
        labels = labelled["metadata"]["labels"]
        assert (labels["app"], labels["ver"]) == ("jupyterlab", "v1.0.0")
        assert set(labels) == {"app", "ver", *recommended}


def test_deployment_runs_one_pod_which_gets_time_to_stop() -> None:
    spec = DEPLOYMENT["spec"]
    assert (spec["replicas"], spec["strategy"]) == (1, {"type": "Recreate"})
    assert POD["spec"]["terminationGracePeriodSeconds"] == 30
    assert CONTAINER["resources"]["requests"] == {"cpu": "250m", "memory": "1Gi", "ephemeral-storage": "1Gi"}


def test_pod_has_probes_on_its_health_path() -> None:
    for name in ("startupProbe", "readinessProbe", "livenessProbe"):
        request = CONTAINER[name]["httpGet"]
        assert (request["path"], request["port"]) == ("/api", "http"), name
    # Three minutes for a start on a slow disk. A pod that hangs is found after a minute and a half.
    start, life = CONTAINER["startupProbe"], CONTAINER["livenessProbe"]
    assert start["periodSeconds"] * start["failureThreshold"] == 180
    assert life["periodSeconds"] * life["failureThreshold"] == 90
