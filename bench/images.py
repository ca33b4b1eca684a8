"""The app's image in numbers: how long it builds beside the reference article's way, how large it is, how fast it starts.

    python -m bench.images [rounds]

Needs the sandbox (`python -m sandbox up`), no stack. Every cold build has a BuildKit of its own with nothing in it, neither layers nor
downloaded packages, so each pulls the base and downloads the packages. `rounds` (3) is how often each is built; the article's way, which
takes minutes, is built once.
"""

from __future__ import annotations

import functools
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pulumi import automation

from bench import goals, image_builds, image_sizes, image_starts
from bench.goals import Goal
from bench.image_builds import Build
from bench.image_sizes import MB, Layer, Packages
from bench.measure import Run
from sandbox import base_image, distribution
from sandbox.builders import Builder, running
from sandbox.environment import environment
from sandbox.process import SandboxError
from sandbox.progress import Progress, duration, report_error
from sandbox.qemu import emulation

ROUNDS = 3
STARTS = 7
ARTICLE, NATIVE = "the article's way: arm64 under QEMU, then amd64", "one native platform"
BOTH, CHANGED = "two platforms, cold", "two platforms, one line of the app's own files changed"
WAYS = (NATIVE, BOTH, CHANGED)
SIZED = "arm64"
WHEELS_NAMED = 4
QUIET_LOAD = 0.5


@dataclass(frozen=True)
class Sizes:
    """Of an image, in bytes. base, own: its layers; byte_code: gzip of that in its own; packages: the same without an image."""

    base: Sequence[Layer]
    own: Sequence[Layer]
    byte_code: int
    packages: Packages


def build_table(builds: dict[str, list[Build]]) -> str:
    """A line for each way, with the median of its builds and its ratio to one native platform."""
    lines = ["| image, built and pushed | median s | min-max s | ratio | whole `pulumi up` s | builder's peak MB |"]
    lines.append("|---|---|---|---|---|---|")
    for way, measured in builds.items():
        seconds = sorted(build.seconds for build in measured)
        ratio = median(measured) / median(builds[NATIVE])
        up = statistics.median(build.up_seconds for build in measured)
        peak = max(build.peak_mb for build in measured)
        lines.append(
            f"| {way} | {median(measured):.1f} | {seconds[0]:.1f}-{seconds[-1]:.1f} | {ratio:.2f} | {up:.1f} | {peak:.0f} |"
        )
    return "\n".join(lines)


def build_goals(builds: dict[str, list[Build]], alone: int) -> list[Goal]:
    """Of the time to build. alone: compressed bytes that one platform does not share with the other."""
    [article] = builds[ARTICLE]
    parts = ", ".join(f"{name} {duration(seconds)}" for name, seconds in article.each.items() if name != "index")
    second = f"the second platform has {alone / MB:.1f} MB of its own to download, install, compress and push; what both share is compared"
    native, both, changed = (median(builds[way]) for way in WAYS)
    return [
        Goal("two platforms cold, of one native platform", both / native, 1.15, why=second),
        Goal("the article's way, of two platforms cold", article.seconds / both, 10, at_least=True, why=parts),
        Goal("one line changed, of two platforms cold", changed / both, 0.1),
    ]


def median(builds: Sequence[Build]) -> float:
    """Of their seconds."""
    return statistics.median(build.seconds for build in builds)


def size_table(sizes: Sizes) -> str:
    """The layers by name, and the packages alone."""
    lines = [f"| {SIZED}, compressed | MB |", "|---|---|"]
    wheels = sizes.packages.wheels
    rows = {"base": total(sizes.base)}
    rows |= {f"layer: {layer.name}": layer.size for layer in sizes.own}
    rows |= {
        "layers above the base": total(sizes.own),
        "of which byte code (gzip)": sizes.byte_code,
        "all": total(sizes.base) + total(sizes.own),
        f"the packages alone: {len(wheels)} wheels as downloaded": sum(wheels.values()),
        "the packages alone: installed, without byte code (gzip)": sizes.packages.installed,
    }
    return "\n".join([*lines, *(f"| {name} | {size / MB:.1f} |" for name, size in rows.items())])


def size_goals(sizes: Sizes) -> list[Goal]:
    """Of the compressed size."""
    largest = sorted(sizes.packages.wheels.items(), key=lambda wheel: -wheel[1])[:WHEELS_NAMED]
    named = ", ".join(f"{name.partition('-')[0]} {size / MB:.1f}" for name, size in largest)
    wheels = f"the wheels are {sum(sizes.packages.wheels.values()) / MB:.1f} MB as published ({named}, …)"
    base, own = total(sizes.base) / MB, total(sizes.own) / MB
    return [
        Goal(
            "layers above the base",
            own,
            75,
            "MB",
            why=f"{wheels}, byte code for a quick start is {sizes.byte_code / MB:.1f} MB",
        ),
        Goal("all layers", base + own, 130, "MB", why=f"{own:.1f} MB above a base of {base:.1f} MB"),
    ]


def total(layers: Sequence[Layer]) -> int:
    """Their bytes."""
    return sum(layer.size for layer in layers)


def start_table(starts: dict[str, list[Run]]) -> str:
    """A line each, with the ratio to the bare start."""
    lines = ["| start to the first 200 on /api | median s | min-max s | ratio |", "|---|---|---|---|"]
    for name, measured in starts.items():
        seconds = sorted(run.seconds for run in measured)
        ratio = statistics.median(seconds) / _median_start(starts, image_starts.BARE)
        lines.append(
            f"| {name} | {statistics.median(seconds):.2f} | {seconds[0]:.2f}-{seconds[-1]:.2f} | {ratio:.2f} |"
        )
    return "\n".join(lines)


def start_goal(starts: dict[str, list[Run]]) -> Goal:
    """Of the time to start."""
    container, bare, podman = (
        _median_start(starts, name) for name in (image_starts.CONTAINER, image_starts.BARE, image_starts.PODMAN)
    )
    why = f"`podman run` takes {podman:.2f} s of {container:.2f} s"
    return Goal("start of the container, of the bare start", container / bare, 1.2, why=why)


def _median_start(starts: dict[str, list[Run]], name: str) -> float:
    return statistics.median(run.seconds for run in starts[name])


def _step(
    progress: Progress,
    title: str,
    builds: list[Build],
    stack: automation.Stack,
    program: image_builds.Program,
    builder: Builder,
) -> None:
    def action() -> bool:
        builds.append(image_builds.build(stack, program, builder))
        return True

    progress.step(title, action)


def once_more(action: Callable[[], None], say: Callable[[str], None]) -> None:
    """Do it, and again when a build in it fails the first time: what failed is no measurement, but must not cost those before it.

    Seen with docker-registry 2.8.2: two images with a layer in common, pushed at the same moment, end in "blob unknown to registry",
    probably since the one push reads the layer's link while the other writes it anew.
    """
    try:
        action()
    except automation.CommandError as error:
        say(f"a build failed and is repeated: {reason(error)}")
        action()


def reason(error: Exception) -> str:
    """What a failed `pulumi up` says of why, without its progress."""
    return " ".join(str(error).rpartition("Diagnostics:")[2].partition("Resources:")[0].split())


def _sizes(reference: str, folder: Path, progress: Progress) -> Sizes:
    """Of the image of this index. folder: to work in."""
    image = folder / "image"
    layers = image_sizes.fetch(reference, SIZED, image)
    digests = image_sizes.digests(image_builds.BASE_IMAGE, SIZED)
    own = [layer for layer in layers if layer.digest not in digests]
    requirements, python = image_builds.CONTEXT / "requirements.txt", base_image.python_version()
    found: list[Packages] = []
    progress.step(
        "the packages alone", lambda: found.append(image_sizes.packages_alone(requirements, SIZED, python, folder))
    )
    return Sizes(
        base=[layer for layer in layers if layer.digest in digests],
        own=own,
        byte_code=image_sizes.byte_code([image_sizes.blob(image, layer.digest) for layer in own]),
        packages=found[0],
    )


def measure(rounds: int, progress: Progress) -> str:
    """All of it; the tables."""
    native = f"linux/{distribution.this().architecture}"
    builds: dict[str, list[Build]] = {way: [] for way in (ARTICLE, *WAYS)}
    found: list[tuple[Sizes, dict[str, list[Run]]]] = []
    with tempfile.TemporaryDirectory(prefix="bench-images-") as name:
        folder = Path(name)
        context, builder = image_builds.copy_context(folder), Builder("bench")

        def native_round(number: int) -> None:
            one = image_builds.ours(context, [native], builder.name)
            with running(builder), image_builds.stack("native") as stack:
                _step(progress, f"{NATIVE}, {number} of {rounds}", builds[NATIVE], stack, one, builder)

        def both_round(number: int) -> None:
            two = image_builds.ours(context, image_builds.ARTICLE_PLATFORMS, builder.name)
            with running(builder), image_builds.stack("both") as stack:
                _step(progress, f"{BOTH}, {number} of {rounds}", builds[BOTH], stack, two, builder)
                for change in range(1, rounds + 1):
                    image_builds.change_a_line(context)
                    title = f"{CHANGED}, {change} of {rounds}"
                    _step(progress, title, builds[CHANGED], stack, two, builder)
                if number == rounds:
                    reference = builds[CHANGED][-1].reference
                    found.append((_sizes(reference, folder, progress), image_starts.measure(reference, STARTS)))

        for number in range(1, rounds + 1):
            once_more(functools.partial(native_round, number), progress.say)
            once_more(functools.partial(both_round, number), progress.say)
        sizes, starts = found[-1]
        theirs = image_builds.article(folder, builder.name)
        with emulation(), running(builder), image_builds.stack("article") as stack:
            _step(progress, ARTICLE, builds[ARTICLE], stack, theirs, builder)
    alone = sum(layer.size for layer in sizes.own if layer.name == image_sizes.alone(SIZED))
    verdicts = goals.table([*build_goals(builds, alone), *size_goals(sizes), start_goal(starts)])
    return "\n\n".join([build_table(builds), size_table(sizes), start_table(starts), verdicts])


def main() -> int:
    """Print the tables; the exit status."""
    inherited = environment(os.environ)
    os.environ.clear()
    os.environ.update(inherited)
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    load = os.getloadavg()[0]
    print(f"{time.strftime('%Y-%m-%d')}, {os.cpu_count()} cores, load before: {load:.1f}", flush=True)
    if load > QUIET_LOAD:
        print("other work goes on on this machine: what is measured now says little", flush=True)
    progress = Progress("the image in numbers")
    try:
        with progress.reminders():
            tables = measure(rounds, progress)
    except automation.CommandError as error:
        return report_error(SandboxError(reason(error)))
    except SandboxError as error:
        return report_error(error)
    except KeyboardInterrupt:
        print("\ninterrupted; the next run takes back what this one may have left", file=sys.stderr)
        return 130
    print(f"\n{tables}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
