"""Side by side in one run, on the local stack as `make local` left it, and on local-oke where that is up too: the engine against an
empty program, and the app's start.

python -m bench [runs]
"""

from __future__ import annotations

import functools
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench.measure import Run, run, side_by_side, table
from sandbox import down

ROOT = Path(__file__).parents[1]
PULUMI = str(ROOT / "sandbox" / "pulumi")
EMPTY = "empty program"
QUIET = ("--non-interactive", "--color", "never")


def engine(runs: int) -> str:
    """No-change `up` and `preview` of the local stacks against the same commands of a program that declares nothing."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "Pulumi.yaml").write_text("name: empty\nruntime: python\n")
        (folder / "__main__.py").write_text("import pulumi\n")
        empty = (
            "--cwd",
            name,
            "--stack",
            "empty",
            "--config-file",
            str(folder / "Pulumi.empty.yaml"),
            "--non-interactive",
        )
        (folder / "Pulumi.empty.yaml").write_text("config: {}\n")
        subprocess.run([PULUMI, "stack", "init", "empty", "--cwd", name], cwd=ROOT, check=True, capture_output=True)
        try:
            results = side_by_side(
                {
                    f"{EMPTY}: up": lambda: run([PULUMI, "up", "--yes", "--skip-preview", *empty], ROOT),
                    **commands("up", "--yes", "--skip-preview"),
                    "only the imports of this program: up": lambda: imports_only(folder, empty),
                    f"{EMPTY}: preview": lambda: run([PULUMI, "preview", *empty], ROOT),
                    **commands("preview"),
                },
                runs,
            )
        finally:
            subprocess.run([PULUMI, "stack", "rm", "--yes", *empty[:4]], cwd=ROOT, check=True, capture_output=True)
    return table(results, f"{EMPTY}: up")


def commands(*words: str) -> dict[str, Callable[[], Run]]:
    """What runs this command on each stack of the sandbox that is up; it fails when something would change."""
    up = [stack for stack in down.ours() if down.stacks().get(f"containerised-app/{stack}")]
    return {
        f"stack {stack}: {words[0]}, no change": functools.partial(
            run, [PULUMI, *words, "--expect-no-changes", "--stack", stack, *QUIET], ROOT
        )
        for stack in up
    }


def imports_only(folder: Path, options: tuple[str, ...]) -> Run:
    """`up` of a program which imports what this one does, and declares nothing: what the SDKs cost before any work is done."""
    program = folder / "__main__.py"
    program.write_text(
        "import argon2, cryptography, pulumi, pulumi_command, pulumi_docker_build, pulumi_oci, pydantic, yaml\n"
        "pulumi_command.remote.Command, pulumi_docker_build.Image, pulumi_oci.artifacts.ContainerRepository\n"
        "pulumi_oci.core.Vcn, pulumi_oci.identity.get_user_output, pulumi_oci.objectstorage.get_namespace_output\n"
    )
    try:
        return run([PULUMI, "up", "--yes", "--skip-preview", *options], ROOT)
    finally:
        program.write_text("import pulumi\n")


def start(runs: int) -> str:
    """From the start of the app's unit, container included, to its first answer, on the instance."""
    outputs = json.loads(
        subprocess.run(
            [PULUMI, "stack", "output", "--json", "--stack", "local"], cwd=ROOT, check=True, capture_output=True
        ).stdout
    )
    script = f"""\
systemctl stop app-jupyterlab
begin=$(date +%s%N)
systemctl start app-jupyterlab
until curl --fail --silent --output /dev/null {outputs["health"]}; do sleep 0.05; done
echo $((($(date +%s%N) - begin) / 1000000))
"""

    def once() -> Run:
        command = f"{outputs['ssh']} sudo bash -s"
        done = subprocess.run(command, shell=True, input=script, check=True, capture_output=True, text=True)  # noqa: S602
        return Run(int(done.stdout) / 1000, 0)

    return table(side_by_side({"start of the app to its first 200": once}, runs), "start of the app to its first 200")


def main() -> None:
    """Print both tables."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    print(time.strftime("%Y-%m-%d"), "cores:", subprocess.run(["nproc"], capture_output=True, text=True).stdout.strip())
    print(f"\n{engine(runs)}\n\n{start(runs)}")


if __name__ == "__main__":
    main()
