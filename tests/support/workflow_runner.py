"""Runs a workflow file like GitHub: jobs in order, each step's `run` in bash, and fakes of the actions.

It knows the parts of GitHub that our files use. An unknown key, expression or action fails the test. A few commands take minutes and are
not run; the runner only checks that they exist (`NOT_RUN`).
"""

from __future__ import annotations

import itertools
import json
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.support import home_folder
from tests.support.github_server import REPOSITORY, GitHub
from tests.support.stack import ROOT
from tests.support.workflow_actions import Scene, use
from tests.support.workflow_expressions import as_text, evaluate, insert

WORKFLOWS = ROOT / ".github" / "workflows"
# Commands that are not run, and the commands that check them.
NOT_RUN: Mapping[str, Sequence[str]] = {
    ".ci/run": ["test", "-x", str(ROOT / ".ci" / "run")],
    "make prepare": ["make", "--dry-run", "--directory", str(ROOT), "prepare"],
    "pulumi install": ["pulumi", "install", "--help"],
    # It needs the environment of the command before.
    "venv/bin/pip install --quiet --requirement policy/requirements.txt": [
        *("test", "-f", str(ROOT / "policy" / "requirements.txt"))
    ],
}
_KEYS = {
    "workflow": {"name", "on", "permissions", "concurrency", "env", "jobs"},
    "job": {
        *("name", "needs", "if", "runs-on", "timeout-minutes", "permissions", "outputs", "strategy", "env"),
        *("environment", "steps"),
    },
    "step": {"id", "name", "if", "run", "uses", "with", "env"},
    "strategy": {"fail-fast", "matrix"},
}
_runs = itertools.count(1)


class UnknownKeyError(AssertionError):
    """The runner does not know this key of a workflow."""


@dataclass
class Event:
    """An event. name, payload: those of GitHub; ref: checked out by default; fork: tokens can only read, and there are no secrets."""

    name: str
    ref: str
    payload: dict[str, Any] = field(default_factory=dict)
    inputs: dict[str, Any] = field(default_factory=dict)
    fork: bool = False


@dataclass
class Setting:
    """The settings of the repository and the machine. secrets, variables: by environment, "" for all; environment: of the steps."""

    source: Path
    folder: Path
    github: GitHub
    secrets: dict[str, dict[str, str]] = field(default_factory=dict)
    variables: dict[str, dict[str, str]] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)

    def of(self, known: dict[str, dict[str, str]], environment: str) -> dict[str, str]:
        """The values for a job in an environment."""
        return {**known.get("", {}), **known.get(environment, {})}


@dataclass
class Run:
    """The result of a run. results: "success", "failure" or "skipped" by "job" or "job (matrix value)"; logs: output, likewise."""

    id: str
    results: dict[str, str] = field(default_factory=dict)
    logs: dict[str, str] = field(default_factory=dict)
    summaries: dict[str, str] = field(default_factory=dict)

    @property
    def log(self) -> str:
        """The output of all jobs."""
        return "\n".join(self.logs.values())

    @property
    def conclusion(self) -> str:
        """The conclusion of the run."""
        return "failure" if "failure" in self.results.values() else "success"


def run_workflow(
    name: str, event: Event, setting: Setting, before: Mapping[str, Callable[[], None]] | None = None
) -> Run:
    """Run `name`.yml. before: functions to call before a job starts, by the job's id."""
    return _Workflow(name, event, setting, before or {}).run()


class _Workflow:
    def __init__(self, name: str, event: Event, setting: Setting, before: Mapping[str, Callable[[], None]]) -> None:
        text = (WORKFLOWS / f"{name}.yml").read_text()
        # In YAML 1.1 `on` is a boolean.
        self.file = {("on" if key is True else key): value for key, value in yaml.safe_load(text).items()}
        _known("workflow", self.file)
        assert event.name in self.file["on"], f"{name}.yml does not run on {event.name}"
        self.event, self.setting, self.before = event, setting, before
        self.done = Run(str(next(_runs)))
        self.outputs: dict[str, dict[str, str]] = {}

    def run(self) -> Run:
        for id, job in self.file["jobs"].items():
            _known("job", job)
            if id in self.before:
                self.before[id]()
            self._job(id, job)
        return self.done

    def _job(self, id: str, job: dict[str, Any]) -> None:
        needed = [job["needs"]] if isinstance(job.get("needs"), str) else job.get("needs", [])
        results = [self._result(one) for one in needed]
        contexts = self._contexts("", {"needs": {one: {"outputs": self.outputs.get(one, {})} for one in needed}})
        fine = all(result == "success" for result in results)
        condition = str(job.get("if", "success()"))
        wanted = bool(_condition(condition, contexts, fine, "failure" in results))
        if not wanted:
            self.done.results[id] = "skipped"
            return
        each = [
            _JobRun(
                self,
                id,
                " ".join([id, *(f"({value})" for value in values.values())]),
                job,
                contexts | {"matrix": values},
            )
            for values in _matrix(job, contexts)
        ]
        with ThreadPoolExecutor() as pool:
            list(pool.map(_JobRun.run, each))

    def _result(self, id: str) -> str:
        found = {result for label, result in self.done.results.items() if label.split(" ")[0] == id}
        return next((result for result in ("failure", "skipped") if result in found), "success")

    def _contexts(self, environment: str, more: dict[str, Any]) -> dict[str, Any]:
        secrets = {} if self.event.fork else self.setting.of(self.setting.secrets, environment)
        return {
            "github": {"event": self.event.payload, "ref": self.event.ref},
            "vars": self.setting.of(self.setting.variables, environment),
            "secrets": secrets,
            "inputs": self.event.inputs,
            "matrix": {},
            **more,
        }


class _JobRun:
    def __init__(self, workflow: _Workflow, id: str, label: str, job: dict[str, Any], contexts: dict[str, Any]) -> None:
        self.workflow, self.id, self.label, self.job = workflow, id, label, job
        setting, event = workflow.setting, workflow.event
        environment = as_text(insert(job.get("environment", ""), contexts, {}))
        kept = {name: contexts[name] for name in ("needs", "matrix")}
        self.contexts: dict[str, Any] = {**workflow._contexts(environment, kept), "steps": {}, "env": {}}
        permissions = job.get("permissions", workflow.file["permissions"])
        if event.fork:
            permissions = dict.fromkeys(permissions, "read")
        self.token = setting.github.token(permissions)
        self.contexts["github"] = {**self.contexts["github"], "token": self.token}
        self.folder = setting.folder / f"run-{workflow.done.id}" / label.replace(" ", "-").strip("()")
        self.workspace = self.folder / "workspace"
        self.workspace.mkdir(parents=True)
        for name in ("home", "temp"):
            (self.folder / name).mkdir()
        for name in ("env", "output", "summary"):
            (self.folder / name).touch()
        (self.folder / "event.json").write_text(json.dumps(event.payload))
        self.env = {**self._inserted(workflow.file.get("env", {})), **self._inserted(job.get("env", {}))}
        self.printed, self.failed = "", False

    def run(self) -> None:
        done = self.workflow.done
        for number, step in enumerate(self.job["steps"]):
            _known("step", step)
            condition = str(step.get("if", "success()"))
            if _condition(condition, self.contexts, not self.failed, self.failed):
                self._step(step, number)
        outputs = self._inserted(self.job.get("outputs", {}))
        self.workflow.outputs.setdefault(self.id, {}).update(outputs)
        done.results[self.label] = "failure" if self.failed else "success"
        done.logs[self.label] = self.printed
        done.summaries[self.label] = (self.folder / "summary").read_text()

    def _step(self, step: dict[str, Any], number: int) -> None:
        env = {**self.env, **dict(_assignments(self.folder / "env")), **self._inserted(step.get("env", {}))}
        if "uses" in step:
            self._use(step)
            return
        script = as_text(insert(step["run"], self.contexts, {}))
        assert script == step["run"], (
            f"a script must not contain an expression, which could add commands: {step['run']}"
        )
        if script in NOT_RUN:
            looked = subprocess.run(NOT_RUN[script], env=self._environment(env), capture_output=True)
            assert looked.returncode == 0, f"{script} does not exist"
            return
        (self.folder / "output").write_text("")
        file = self.folder / f"step-{number}.sh"
        file.write_text(script)
        ended = subprocess.run(
            ["bash", "-e", str(file)],
            cwd=self.workspace,
            env=self._environment(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
        )
        self.printed += ended.stdout
        self.failed = self.failed or ended.returncode != 0
        if "id" in step:
            self.contexts["steps"][step["id"]] = {"outputs": dict(_assignments(self.folder / "output"))}

    def _use(self, step: dict[str, Any]) -> None:
        setting, event = self.workflow.setting, self.workflow.event
        scene = Scene(
            source=setting.source,
            ref=event.ref,
            workspace=self.workspace,
            artifacts=setting.folder / "artifacts",
            run=self.workflow.done.id,
            token=self.token,
            github=setting.github,
        )
        try:
            use(step["uses"], self._inserted(step.get("with", {})), scene)
        except subprocess.CalledProcessError as error:
            self.printed += f"{step['uses']}: {error}\n"
            self.failed = True

    def _environment(self, env: Mapping[str, str]) -> dict[str, str]:
        """The environment of a machine of GitHub, without the environment of the test."""
        own = {
            "CI": "true",
            **home_folder.environment(self.folder / "home"),
            "LANG": "C.UTF-8",
            "RUNNER_TEMP": str(self.folder / "temp"),
            "GITHUB_API_URL": self.workflow.setting.github.url,
            "GITHUB_SERVER_URL": "https://github.com",
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_RUN_ID": self.workflow.done.id,
            "GITHUB_EVENT_PATH": str(self.folder / "event.json"),
            "GITHUB_ENV": str(self.folder / "env"),
            "GITHUB_OUTPUT": str(self.folder / "output"),
            "GITHUB_STEP_SUMMARY": str(self.folder / "summary"),
        }
        return {**own, **self.workflow.setting.environment, **env}

    def _inserted(self, values: Mapping[str, Any]) -> dict[str, str]:
        return {
            name: as_text(insert(value, self.contexts, {}) if isinstance(value, str) else value)
            for name, value in values.items()
        }


def _condition(text: str, contexts: dict[str, Any], fine: bool, failed: bool) -> Any:
    text = text.strip().removeprefix("${{").removesuffix("}}")
    status = {"success": fine, "failure": failed, "always": True, "cancelled": False}
    value = evaluate(text, contexts, status)
    # Without one of these functions, success() is implied.
    return value if any(f"{name}()" in text for name in status) else fine and value


def _matrix(job: dict[str, Any], contexts: dict[str, Any]) -> Iterator[dict[str, Any]]:
    strategy = job.get("strategy", {"matrix": {}})
    _known("strategy", strategy)
    axes = {
        name: insert(values, contexts, {}) if isinstance(values, str) else values
        for name, values in strategy["matrix"].items()
    }
    for values in itertools.product(*axes.values()):
        yield dict(zip(axes, values, strict=True))


def _assignments(file: Path) -> Iterator[tuple[str, str]]:
    """The assignments in GITHUB_OUTPUT or GITHUB_ENV. Values of several lines are not supported."""
    for line in file.read_text().splitlines():
        name, equals, value = line.partition("=")
        assert equals, f"no assignment: {line}"
        yield name, value


def _known(what: str, found: Mapping[str, Any]) -> None:
    if unknown := set(found) - _KEYS[what]:
        raise UnknownKeyError(
            f"the runner does not know these keys of a {what}: {', '.join(sorted(map(str, unknown)))}"
        )
