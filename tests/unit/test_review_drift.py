"""Summaries of drift."""

from __future__ import annotations

from operations.review.drift import drift_summary
from operations.review.events import Events, Message
from tests.unit.review_steps import SECRET, VOLUME, step, updated


def test_drift_shows_differences_and_remedies() -> None:
    drifted = updated({"size": 1, "token": SECRET}, {"size": 2, "token": SECRET}, detailed={"size": "update"})
    gone = step("delete", "data", VOLUME)
    text = drift_summary("dev", "sandbox/pulumi", Events(found=[drifted, gone, step("same", "x")]), "found")
    assert text.splitlines()[0] == "<!-- review: drift of dev: found -->"
    assert "- `size`: wanted `1`, found `2`" in text
    assert "is gone" in text
    assert "**it held data**" in text
    assert "`make up STACK=dev ARGS=--refresh`" in text
    assert (
        drift_summary("dev", "sandbox/pulumi", Events(), "none").splitlines()[0]
        == "<!-- review: drift of dev: none -->"
    )
    failed = drift_summary("dev", "sandbox/pulumi", Events(), "failed", "error: no way").splitlines()
    assert failed[0] == "<!-- review: drift of dev: failed -->"
    assert "error: no way" in failed


def test_remedies_use_the_program_that_found_the_drift() -> None:
    text = drift_summary("dev", "pulumi", Events(found=[step("delete", "data", VOLUME)]), "found")
    commands = [command for command in text.split("`") if command.startswith("make ") and "STACK" in command]
    assert len(commands) == 4
    assert all("STACK=dev PULUMI=pulumi" in command for command in commands)


def test_unreachable_cluster_is_not_drift() -> None:
    silent = Message("warning", "app-service", "configured Kubernetes cluster is unreachable: no route")
    lost = step("delete", "app-service", "kubernetes:core/v1:Service")
    assert "no route" in Events(found=[lost], messages=[silent]).unreachable_cluster
    cluster = step("delete", "app-cluster", "oci:ContainerEngine/cluster:Cluster")
    assert Events(found=[lost, cluster], messages=[silent]).unreachable_cluster == ""
    assert Events(found=[lost]).unreachable_cluster == ""
