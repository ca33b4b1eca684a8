"""Time to build and push the JupyterLab image, beside the reference article's way, and its size: `python -m bench.images [runs]`.

The sandbox must be up (`python -m sandbox up`); no stack is needed. A cold build uses a new BuildKit with an empty cache.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import yaml

from bench.measure import PULUMI, ROOT, Command, compare, pulumi, runs_given
from sandbox import account, paths, registry
from sandbox.builders import Builder, registered
from sandbox.qemu import emulation

PROJECT = "containerised-app"
BUILDER = Builder("bench")
TARGETS = ("--target", f"**{PROJECT}:image:AppImage**", "--target", f"**{PROJECT}:registry:Registry**")
OWN = (sys.executable, "-m", "bench.images")
SIZED = "arm64"


class BenchStack:
    """A stack of only registry and image. extra: options of `up`; select: options of any command."""

    def __init__(self, name: str, folder: Path, config: dict[str, Any], *extra: str, project: Path = ROOT) -> None:
        file = folder / f"Pulumi.{name}.yaml"
        file.write_text(yaml.safe_dump(config))
        self.select = ["--stack", name, "--non-interactive", "--cwd", str(project)]
        options = [*self.select, "--config-file", str(file), "--yes", "--skip-preview"]
        self.up = [PULUMI, "up", *options, *extra]
        self.destroy = [PULUMI, "destroy", *options]
        # The stack exists already if an earlier run was killed.
        subprocess.run([PULUMI, "stack", "init", *self.select], cwd=ROOT, check=False, capture_output=True)

    def cold(self) -> Command:
        """`up` with an empty builder and an empty registry."""
        return Command(self.up, prepare=[*OWN, "empty", *self.destroy])

    def remove(self) -> None:
        """Destroy and remove it."""
        subprocess.run(self.destroy, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        pulumi("stack", "rm", *self.select, "--yes")


def empty(*destroy: str) -> None:
    """Remove what the last build left in the registry and in the builder."""
    subprocess.run(destroy, cwd=ROOT, check=True)
    BUILDER.start()


def change(file: str) -> None:
    """Add a comment to one of the app's own files."""
    with Path(file).open("a") as sink:
        sink.write(f"# {time.time_ns()}\n")


def inspected(reference: str, *options: str) -> Any:
    """The JSON that skopeo prints for a reference in the sandbox's registry."""
    login = [f"--authfile={registry.login_file()}", f"--cert-dir={registry.certificates()}"]
    command = ["skopeo", "--insecure-policy", "inspect", *options, *login, f"docker://{reference}"]
    environment = {**os.environ, "no_proxy": paths.REGISTRY_ADDRESS}
    return json.loads(subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout)


def layers(index: str) -> dict[str, tuple[str, int]]:
    """Digest to instruction and compressed bytes of each layer of the image for SIZED."""
    found = {one["platform"]["architecture"]: one["digest"] for one in inspected(index, "--raw")["manifests"]}
    image = f"{re.sub(r'(@[^/]*|:[^/:]*)$', '', index)}@{found[SIZED]}"
    history = inspected(image, "--config")["history"]
    instructions = [one.get("created_by", "") for one in history if not one.get("empty_layer")]
    each = zip(instructions, inspected(image, "--raw")["layers"], strict=True)
    return {layer["digest"]: (instruction.removesuffix(" # buildkit"), layer["size"]) for instruction, layer in each}


def size_table(index: str, base: str) -> str:
    """The size of each layer above the base, and of all."""
    of_base = layers(base)
    own = {digest: layer for digest, layer in layers(index).items() if digest not in of_base}
    rows = [("base", sum(size for _, size in of_base.values())), *own.values()]
    rows.append(("all", sum(size for _, size in rows)))
    lines = [f"| {SIZED}, compressed | MB |", "|---|---|", *(f"| {name} | {size / 1e6:.1f} |" for name, size in rows)]
    return "\n".join(lines)


def _article_config(base: str, context: str) -> dict[str, str]:
    return {
        "oci:region": paths.REGION,
        "article:compartmentId": paths.TENANCY_OCID,
        "article:host": paths.REGISTRY_ADDRESS,
        "article:namespace": paths.NAMESPACE,
        "article:username": paths.REGISTRY_USER,
        "article:baseImage": base,
        "article:builder": BUILDER.name,
        "article:context": context,
    }


def measure(folder: Path, runs: int) -> str:
    """Build everything and return the tables."""
    pulumi("stack", "ls")
    local = yaml.safe_load((paths.STACKS / "Pulumi.local.yaml").read_text())
    context = shutil.copytree(ROOT / "docker" / "jupyterlab", folder / "jupyterlab")
    base = local["config"][f"{PROJECT}:baseImage"]

    def ours(name: str, platforms: Sequence[str]) -> BenchStack:
        values = {"platforms": list(platforms), "builder": BUILDER.name, "context": str(context)}
        config = {**local["config"], **{f"{PROJECT}:{key}": value for key, value in values.items()}}
        return BenchStack(name, folder, {**local, "config": config}, *TARGETS)

    project = shutil.copytree(ROOT / "bench" / "article", folder / "article")
    os.environ["ARTICLE_REGISTRY_TOKEN"] = account.registry_token()
    made: list[BenchStack] = []
    try:
        made.append(one := ours("bench-one", ["linux/arm64"]))
        made.append(both := ours("bench-both", ["linux/arm64", "linux/amd64"]))
        made.append(
            article := BenchStack("bench", project, {"config": _article_config(base, str(context))}, project=project)
        )
        changed = Command(both.up, prepare=[*OWN, "change", str(context / "jupyter_server_config.py")])
        times = compare(
            {
                "one platform": one.cold(),
                "two platforms": both.cold(),
                "two platforms, one line of the app changed": changed,
                "the article's way: arm64 under QEMU, then amd64": article.cold(),
            },
            runs,
            warmup=0,
            memory=False,
            show_output=True,
        )
        reference = json.loads(pulumi("stack", "output", "--json", *both.select))["image"]
        return f"{times}\n\n{size_table(reference, base)}"
    finally:
        for stack in made:
            stack.remove()


def main() -> None:
    """Run one step, which hyperfine asks for, or measure and print the tables."""
    steps: dict[str, Callable[..., None]] = {"empty": empty, "change": change}
    if sys.argv[1:] and sys.argv[1] in steps:
        steps[sys.argv[1]](*sys.argv[2:])
        return
    with tempfile.TemporaryDirectory(prefix="bench-images-") as folder, emulation():
        try:
            BUILDER.start()
            with registered(BUILDER.name, BUILDER.socket):
                tables = measure(Path(folder), runs_given(2))
        finally:
            BUILDER.remove()
    print(f"\n{tables}")


if __name__ == "__main__":
    main()
