"""The documented apps and their configuration."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from tests.support.stack import PROJECT, ROOT

README = ROOT / "docker" / "README.md"


@dataclass(frozen=True)
class App:
    """An app. configuration: the keys that a stack sets for it; the other fields: the resulting values."""

    configuration: Mapping[str, Any]
    name: str
    context: str
    port: int
    secret_files: Mapping[str, str]
    data_path: str
    health_path: str
    user_id: int


def documented(name: str) -> dict[str, Any]:
    """The keys that a stack sets for this app: none for the default app, for the second the example of docker/README.md."""
    if name == _defaults()["app"]:
        return {}
    [example] = re.findall(r"^```yaml\n(config:\n.*?)^```", README.read_text(), re.DOTALL | re.MULTILINE)
    found = {key.removeprefix(f"{PROJECT}:"): value for key, value in yaml.safe_load(example)["config"].items()}
    assert found["app"] == name
    return found


def app(name: str) -> App:
    """Return the app of this name."""
    configuration = documented(name)
    values = {**_defaults(), **configuration}
    keys = {"secretFiles": "secret_files", "dataPath": "data_path", "healthPath": "health_path", "userId": "user_id"}
    plain = {key: values[key] for key in ("context", "port")}
    return App(configuration, values["app"], **plain, **{field: values[key] for key, field in keys.items()})


def _defaults() -> dict[str, Any]:
    keys = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["config"]
    return {key: schema["default"] for key, schema in keys.items() if isinstance(schema, dict) and "default" in schema}
