"""What the benchmarks make of their measurements: tables, verdicts, names and sizes of layers."""

from __future__ import annotations

import io
import re
import subprocess
import sys
import tarfile
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from pulumi.automation import CommandError, CommandResult, events

from bench import goals, image_builds, image_sizes, image_starts, images
from bench.goals import Goal
from bench.image_builds import Build, Stopwatch
from bench.image_sizes import Layer, Packages
from bench.measure import Run, peak_memory
from specs import podman

ROOT = Path(__file__).resolve().parents[2]


def build(seconds: float, **each: float) -> Build:
    return Build(seconds, each, seconds + 3, 200, "host/app@sha256:0")


def builds(article: float, native: float, both: float, changed: float) -> dict[str, list[Build]]:
    return {
        images.ARTICLE: [build(article, arm64=article - 50, amd64=50, index=1)],
        images.NATIVE: [build(native)],
        images.BOTH: [build(both - 1), build(both), build(both + 100)],
        images.CHANGED: [build(changed)],
    }


# --- goals --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("measured", "at_least", "reached"),
    [(9.99, False, True), (10, False, True), (10.01, False, False), (9.99, True, False), (10, True, True)],
)
def test_a_goal_is_reached_at_its_limit_and_on_its_good_side(measured: float, at_least: bool, reached: bool) -> None:
    assert Goal("", measured, 10, at_least=at_least).reached is reached


def test_a_missed_goal_says_why_and_a_reached_one_does_not() -> None:
    table = goals.table([Goal("small", 80, 75, "MB", why="heavy"), Goal("quick", 1.1, 1.2, why="slow")])
    assert table.splitlines()[2:] == [
        "| small | 80.0 MB | at most 75 MB | missed: heavy |",
        "| quick | 1.10 | at most 1.2 | reached |",
    ]


def test_the_goals_of_building_compare_medians() -> None:
    two, article, changed = images.build_goals(builds(article=600, native=50, both=55, changed=4), 0)
    assert (two.measured, two.reached) == (1.1, True)
    assert (article.measured, article.reached) == (600 / 55, True)
    assert (changed.measured, changed.reached) == (4 / 55, True)
    assert not any(goal.reached for goal in images.build_goals(builds(article=500, native=50, both=58, changed=6), 0))


def test_where_a_build_misses_its_goal_what_it_has_to_do_is_told() -> None:
    two, article, _ = images.build_goals(builds(article=200, native=50, both=65, changed=14), 31_300_000)
    assert "31.3 MB of its own" in two.verdict
    assert article.verdict == "missed: arm64 2 min 30 s, amd64 50.0 s"


# --- tables -------------------------------------------------------------------------------------------------------------


def test_the_table_of_builds_has_all_ways_side_by_side() -> None:
    lines = images.build_table(builds(article=600, native=50, both=55, changed=4)).splitlines()
    assert {len(line.split("|")) for line in lines} == {8}
    assert lines[2:6] == [
        f"| {images.ARTICLE} | 600.0 | 600.0-600.0 | 12.00 | 603.0 | 200 |",
        f"| {images.NATIVE} | 50.0 | 50.0-50.0 | 1.00 | 53.0 | 200 |",
        f"| {images.BOTH} | 55.0 | 54.0-155.0 | 1.10 | 58.0 | 200 |",
        f"| {images.CHANGED} | 4.0 | 4.0-4.0 | 0.08 | 7.0 | 200 |",
    ]


def test_sizes_are_told_by_layer_in_sum_and_beside_the_packages_alone() -> None:
    base = [Layer("unpacked packages", "sha256:0", 28_000_000)]
    own = [Layer("packages", "sha256:1", 80_000_000), Layer("the app's own files", "sha256:2", 2_600)]
    packages = Packages({"small-1.whl": 4_000_000, "large-1.whl": 85_000_000}, 84_000_000)
    sizes = images.Sizes(base, own, 20_000_000, packages)
    table = images.size_table(sizes)
    for row in ("base | 28.0", "layer: packages | 80.0", "layers above the base | 80.0", "all | 108.0"):
        assert f"| {row} |" in table
    assert "2 wheels as downloaded | 89.0 |" in table
    layers, everything = images.size_goals(sizes)
    assert not layers.reached
    assert "large 85.0, small 4.0" in layers.why
    assert everything.reached


def test_a_start_is_told_beside_the_bare_one() -> None:
    starts = {
        image_starts.CONTAINER: [Run(2.0, 0), Run(2.4, 0), Run(9.0, 0)],
        image_starts.BARE: [Run(1.9, 0), Run(2.0, 0), Run(2.1, 0)],
        image_starts.PODMAN: [Run(0.3, 0)],
    }
    goal = images.start_goal(starts)
    assert goal.measured == pytest.approx(1.2)
    assert "`podman run` takes 0.30 s of 2.40 s" in goal.why
    assert f"| {image_starts.CONTAINER} | 2.40 | 2.00-9.00 | 1.20 |" in images.start_table(starts)


# --- builds -------------------------------------------------------------------------------------------------------------


def engine_event(kind: str, resource_type: str, name: str) -> events.EngineEvent:
    metadata = SimpleNamespace(type=resource_type, urn=f"urn:pulumi:both::bench::{resource_type}::{name}")
    fields: dict[str, Any] = {"resource_pre_event": None, "res_outputs_event": None}
    return cast("events.EngineEvent", SimpleNamespace(**{**fields, kind: SimpleNamespace(metadata=metadata)}))


def test_a_build_is_timed_from_its_first_image_to_its_index_and_not_by_other_resources(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stopwatch = Stopwatch()
    image, index = "docker-build:index:Image", "docker-build:index:Index"
    for second, kind, resource_type, name in (
        (1, "resource_pre_event", "oci:Artifacts/containerRepository:ContainerRepository", "repository"),
        (10, "resource_pre_event", image, "arm64"),
        (11, "resource_pre_event", image, "amd64"),
        (30, "res_outputs_event", image, "arm64"),
        (40, "res_outputs_event", image, "amd64"),
        (40, "resource_pre_event", index, "index"),
        (42, "res_outputs_event", index, "index"),
        (50, "res_outputs_event", "pulumi:pulumi:Stack", "stack"),
    ):
        monkeypatch.setattr(time, "monotonic", lambda second=second: float(second))
        stopwatch(engine_event(kind, resource_type, name))
    assert stopwatch.seconds == 32
    assert stopwatch.each == {"arm64": 20, "amd64": 29, "index": 2}


def test_a_changed_line_changes_the_app_s_own_file_and_nothing_else(tmp_path: Path) -> None:
    context = image_builds.copy_context(tmp_path)
    image_builds.change_a_line(context)
    changed = [
        file.name for file in context.iterdir() if file.read_bytes() != (image_builds.CONTEXT / file.name).read_bytes()
    ]
    assert changed == ["jupyter_server_config.py"]
    compile((context / changed[0]).read_text(), changed[0], "exec")


def test_the_article_s_way_is_compared_on_the_same_base_and_packages() -> None:
    dockerfile = (image_builds.ARTICLE / "Dockerfile").read_text()
    assert re.findall(r"(?m)^FROM (.*)$", dockerfile) == ["${BASE_IMAGE}"]
    assert "--requirement /root/requirements.txt" in dockerfile
    assert "--platform" not in dockerfile


def test_a_build_that_fails_once_is_repeated_and_said_and_one_that_fails_twice_ends_the_run() -> None:
    printed = "#13 exporting layers\nDiagnostics:\n  Image (arm64):\n    error: blob unknown to registry\n\nResources:\n    + 5"
    failure, said = CommandError(CommandResult(printed, "", 255)), list[str]()
    outcomes = [failure, None, failure, failure]

    def action() -> None:
        if outcome := outcomes.pop(0):
            raise outcome

    images.once_more(action, said.append)
    assert said == ["a build failed and is repeated: Image (arm64): error: blob unknown to registry"]
    with pytest.raises(CommandError):
        images.once_more(action, said.append)
    assert not outcomes


# --- sizes --------------------------------------------------------------------------------------------------------------


def test_an_architecture_s_image_is_found_beside_attestations() -> None:
    def entry(digest: str, architecture: str) -> dict[str, Any]:
        return {"digest": digest, "platform": {"os": "linux", "architecture": architecture}}

    index = {"manifests": [entry("a", "amd64"), entry("b", "arm64"), entry("c", "unknown"), entry("d", "unknown")]}
    assert image_sizes.manifest_of(index, "arm64") == "b"


def test_layers_bear_the_names_of_what_the_dockerfile_copies() -> None:
    copies = re.findall(r"(?m)^COPY .*?(/out\S*) /$", (image_builds.CONTEXT / "Dockerfile").read_text())
    made = [f"COPY {source.replace('${TARGETARCH}', 'arm64')} / # buildkit" for source in copies]
    config = {
        "history": [
            {"created_by": "unpacked packages", "empty_layer": False},
            *({"created_by": created_by} for created_by in made),
            {"created_by": "USER 10001:10001", "empty_layer": True},
        ]
    }
    manifest = {"layers": [{"digest": f"sha256:{number}", "size": number} for number in range(4)]}
    assert [layer.name for layer in image_sizes.layers(manifest, config)] == [
        "unpacked packages",
        "packages, what all platforms share",
        "packages, arm64 alone",
        "the app's own files",
    ]


def test_byte_code_is_weighed_apart_from_all_else(tmp_path: Path) -> None:
    def layer(names: list[str]) -> Path:
        path = tmp_path / f"layer{len(names)}"
        with tarfile.open(path, "w:gz") as archive:
            for name in names:
                content = name.encode() * 5000
                entry = tarfile.TarInfo(name)
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
        return path

    nothing = image_sizes.byte_code([layer([])])
    sources = image_sizes.byte_code([layer(["opt/a.py"])])
    compiled = image_sizes.byte_code([layer(["opt/a.py", "opt/__pycache__/a.cpython-311.pyc"])])
    assert nothing == sources < compiled


# --- starts -------------------------------------------------------------------------------------------------------------


def test_the_bare_start_has_the_image_s_environment_at_another_place(tmp_path: Path) -> None:
    image = ["PATH=/opt/app/bin:/usr/bin", "JUPYTER_CONFIG_PATH=/opt/app/etc/jupyter", "HOME=/jupyter", "LANG=C.UTF-8"]
    environment = image_starts.bare_environment(image, Path("/tree"), tmp_path, 4711)
    assert environment["PATH"] == "/tree/opt/app/bin:/usr/bin"
    assert environment["JUPYTER_CONFIG_PATH"] == "/tree/opt/app/etc/jupyter"
    assert (environment["LANG"], environment["PORT"]) == ("C.UTF-8", "4711")
    for name in ("HOME", "DATA_PATH", "JUPYTER_RUNTIME_DIR", "PASSWORD_HASH_FILE"):
        assert Path(environment[name]).is_relative_to(tmp_path)


def test_the_container_is_started_with_the_program_s_own_command_line() -> None:
    values: dict[str, Any] = {
        "name": "bench",
        "image": "host/app@sha256:0",
        "port": 8888,
        "environment": {},
        "secret_names": ["password-hash"],
        "data_path": "/jupyter",
        "health_path": "/api",
        "user_id": 10001,
        "memory_gb": 2,
    }
    host, instance = (podman.run_command(kind(**values)) for kind in (image_starts.HostSpec, podman.ContainerSpec))
    [(mine, theirs)] = [pair for pair in zip(host, instance, strict=True) if pair[0] != pair[1]]
    assert mine == theirs.replace(podman.data_folder("bench"), "bench-data")


# --- memory -------------------------------------------------------------------------------------------------------------


def test_the_peak_of_memory_is_that_of_a_command_and_all_it_started() -> None:
    child = f"{sys.executable} -c 'import time; x = bytearray(100 * 2**20); time.sleep(1)'"
    process = subprocess.Popen(["/bin/sh", "-c", f"{child}; true"])
    with peak_memory(process.pid) as peaks:
        process.wait()
    assert 100 < peaks[0] < 200
