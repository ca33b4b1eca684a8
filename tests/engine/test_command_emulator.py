"""The emulated command provider with the real engine: planned steps, scripts and secrets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.engine.command_project import Machine, Project, new_project, running

PRIVATE = "the plaintext password"


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    home = tmp_path / "machine"
    home.mkdir()
    with running(Machine(home)) as machine:
        yield machine


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project for plans only."""
    return new_project(tmp_path_factory.mktemp("planned"))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    folder = tmp_path / "project"
    folder.mkdir()
    return new_project(folder)


def app(machine: Machine, **changes: Any) -> dict[str, Any]:
    """Return the inputs of a command like the program's."""
    known: dict[str, Any] = {
        "connection": machine.connection(),
        "create": "echo $((1 + $(cat runs 2>/dev/null || echo 0))) > runs; cat > given; echo done",
        "delete": "touch deleted",
        "stdin": {"secret": PRIVATE},
        "triggers": ["instance-1"],
        "add_previous_output_in_env": False,
    }
    return {**known, **changes}


def test_the_steps_of_a_command_from_creation_to_destruction(machine: Machine, project: Project) -> None:
    project.write(app=app(machine))
    assert project.planned() == {"app": "create"}
    assert machine.connections == 0, "a preview connects nowhere"
    project.up()
    assert (machine.read("runs"), machine.read("given")) == ("1\n", PRIVATE)
    assert project.pulumi("stack", "output", "app").stdout.strip() == "done"

    assert project.planned() == {}
    project.pulumi("refresh", "--yes", "--skip-preview", "--expect-no-changes")
    project.up()
    assert (machine.read("runs"), machine.connections) == ("1\n", 1)

    for change in (
        {"stdin": {"secret": PRIVATE + " 2"}},
        {"stdin": {"secret": PRIVATE + " 2"}, "create": "cat > given; echo again"},
        {"stdin": {"secret": PRIVATE + " 2"}, "create": "cat > given; echo again", "update": "echo updated"},
    ):
        project.write(app=app(machine, **change))
        assert project.planned() == {"app": "update"}
        project.up()
    assert machine.read("given") == PRIVATE + " 2"
    assert project.pulumi("stack", "output", "app").stdout.strip() == "updated"
    assert not (machine.home / "deleted").exists(), "an update deletes nothing"

    project.write(app=app(machine, triggers=["instance-2"]))
    assert project.planned() == {"app": "replace"}
    project.up()
    assert (machine.home / "deleted").exists()
    (machine.home / "deleted").unlink()

    project.pulumi("destroy", "--yes", "--skip-preview")
    assert (machine.home / "deleted").exists()


def test_a_failing_script_ends_up_with_its_text_and_output_and_nothing_secret(
    machine: Machine, project: Project
) -> None:
    project.write(app=app(machine, create="cat > given; echo half of it; echo no disk >&2; exit 4", logging="none"))
    printed = project.up(check=False)
    assert 'Process exited with status 4: running "cat > given; echo half of it; echo no disk >&2; exit 4":' in printed
    assert "no disk" in printed
    assert "Traceback" not in printed
    assert "sandbox/command" not in printed
    assert PRIVATE not in printed
    assert "PRIVATE KEY" not in printed
    project.write(app=app(machine))
    assert project.planned() == {"app": "create"}


def test_a_failed_update_is_tried_again(machine: Machine, project: Project) -> None:
    project.write(app=app(machine))
    project.up()
    project.write(app=app(machine, create="test -e repaired && echo repaired"))
    assert "Process exited with status 1" in project.up(check=False)
    (machine.home / "repaired").touch()
    assert project.planned() == {"app": "update"}
    project.up()
    assert project.pulumi("stack", "output", "app").stdout.strip() == "repaired"


def test_the_state_holds_secrets_encrypted_and_the_output_in_the_open(machine: Machine, project: Project) -> None:
    project.write(app=app(machine))
    printed = project.up()
    exported = project.pulumi("stack", "export").stdout
    for secret in (PRIVATE, "OPENSSH PRIVATE KEY"):
        assert secret not in printed + exported
    outputs = project.state("app")["outputs"]
    assert outputs["stdout"] == "done"
    assert set(outputs["connection"]) == set(outputs["stdin"]) == {"4dabf18193072939515e22adb298388d", "ciphertext"}


def test_destroy_fails_when_the_host_is_gone(tmp_path: Path, project: Project) -> None:
    home = tmp_path / "gone"
    home.mkdir()
    with running(Machine(home)) as machine:
        project.write(app=app(machine))
        project.up()
    destroyed = project.pulumi("destroy", "--yes", "--skip-preview", check=False)
    assert destroyed.returncode != 0
    assert "after 1 failed attempts: dial tcp 127.0.0.1" in destroyed.stdout


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"connection": {"user": "opc"}}, "connection.host is missing and required"),
        ({"connection": {"host": "h", "privatekey": PRIVATE}}, "connection.privatekey is not a property"),
        ({"connection": {"host": "h", "port": "22"}}, "connection.port must be a number, not a string"),
        ({"logging": "all"}, "logging must be one of: stdout, stderr, stdoutAndStderr, none"),
        ({"stdin": {"secret": 753187}}, "stdin must be a string, not a number"),
        ({"environment": {"APP": 1}}, "environment.APP must be a string, not a number"),
    ],
)
def test_wrong_inputs_fail_the_plan(planned: Project, change: dict[str, Any], message: str) -> None:
    planned.write(app={"connection": {"host": "h"}, "create": "true", **change})
    preview = planned.pulumi("preview", "--non-interactive", check=False)
    assert preview.returncode != 0
    assert f"command:remote:Command resource 'app' has a problem: {message}" in preview.stdout
    assert PRIVATE not in preview.stdout
    assert "753187" not in preview.stdout


def test_an_unknown_host_is_planned_and_no_output_is_known(machine: Machine, planned: Project) -> None:
    program = planned.folder / "__main__.py"
    program.write_text(
        program.read_text()
        + "command.remote.Command('second', connection={'host': done.stdout, 'user': 'x'}, create=done.stdout)\n"
        + "pulumi.export('later', done.stdout.apply(lambda text: 1 / 0))\n"
    )
    planned.write(app=app(machine))
    assert planned.planned() == {"app": "create", "second": "create"}
