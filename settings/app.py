"""The app: what runs in the container and what it needs there."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, Json, WithJsonSchema

from settings.errors import fix, wrong
from settings.key import Form, Section, key
from specs import dockerignore, secret_files
from specs.build_inputs import BuildInputError
from specs.checks import FIRST_FREE_PORT, data_path, file_name, is_file
from specs.errors import error, place_in, remove_command
from specs.secret_names import SECRET_NAMES, SHORTEST_SECRET

RESERVED_ENVIRONMENT = {"PORT": "port", "DATA_PATH": "dataPath", "HOME": "dataPath"}
"""Variables of the container that follow from another key, and from which."""

NOT_ENCRYPTED = ("environment",)
"""Keys with values that stay in plain text in the state and where the app runs, even if they are encrypted in the stack file."""


def _as_text(value: Any) -> Any:
    """A number or truth value as text: `pulumi config set --path` makes these of 3600 and true."""
    return json.dumps(value) if isinstance(value, bool | int | float) else value


def _password(value: str) -> str:
    if not value:
        raise ValueError("is not set")
    if len(value) < 8 or value.isspace():
        raise ValueError("has fewer than 8 characters" if len(value) < 8 else "is only white space")
    return value


ONE_LINE = Form(r"^[^\r\n\x00]*$", "one line")
OneLine = Annotated[
    str,
    ONE_LINE,
    BeforeValidator(_as_text),
    WithJsonSchema({"type": ["string", "number", "boolean"], "pattern": ONE_LINE.pattern}),
]
VariableName = Annotated[
    str,
    Form(r"^[A-Za-z_][A-Za-z0-9_]*$", "the name of a variable: letters, digits and _, and no digit at the beginning"),
]
FileName = Annotated[
    str, Form(r"^[a-z0-9][a-z0-9._-]{0,62}$", "the name of a file: small letters, digits, dots, hyphens and _")
]
SecretFile = Annotated[str, Field(min_length=1), AfterValidator(secret_files.small_file)]
DataPath = Annotated[
    str,
    Form(r"^/[A-Za-z0-9_./-]+$", "an absolute path of letters, digits, dots, hyphens and _"),
    AfterValidator(data_path),
]
LocalPath = Annotated[str, AfterValidator(file_name)]


class AppSettings(Section):
    """The app."""

    name: Annotated[
        str,
        Form(
            r"^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$",
            "small letters, digits and hyphens, at most 40, beginning with a letter",
        ),
    ] = key(
        "jupyterlab",
        "Name of the app, of its container and, with the stack's name, of everything in the cloud. A change replaces everything and makes "
        "a new data volume; the old one is kept unless retainData is false.",
        alias="app",
    )
    context: LocalPath = key("docker/jupyterlab", "Folder with the app's Dockerfile, relative to the project.")
    password: Annotated[str, AfterValidator(_password)] = key(
        ..., "The app's password, at least 8 characters. Only its Argon2id hash leaves the program.", secret=True
    )
    port: int = key(
        8888,
        "TCP port of the app in the container, on the instance's loopback and at your end of the tunnel. Ports below 1024 need root.",
        ge=FIRST_FREE_PORT,
        le=65535,
    )
    environment: Json[dict[VariableName, OneLine]] = key(
        {},
        "Environment variables of the container. Nothing secret or encrypted here; use secretFiles for that. Numbers and true or false "
        "become text; in quotation marks a value stays as it is written.",
    )
    secret_files: Json[dict[FileName, SecretFile]] = key(
        {"password-hash": "argon2:{argon2}"},
        "Files under /etc/app-secrets of the container, name to content. {argon2} in a content becomes the Argon2id hash of the password. "
        "Set each with --secret, unless it holds nothing but {argon2}, or a name, a colon and {argon2}.",
        secret=True,
    )
    data_path: DataPath = key("/jupyter", "Folder of the container on the data volume.")
    health_path: Annotated[str, Form(r"^/[A-Za-z0-9_./?=&%-]*$", "a path that begins with /, without the host")] = key(
        "/api", "Path that answers 200 without a login while the app is well."
    )
    user_id: int = key(
        10001,
        "Numeric user and group of the app in the container; owner of its data and secrets.",
        ge=1,
        le=65535,
    )
    app_memory_in_gbs: int = key(
        0,
        "Memory limit of the container in GB; 0 leaves 2 GB of the instance's memory to the system (1 GB of 2), 3 GB of a node's.",
        ge=0,
    )

    def problems(self) -> Iterable[str]:
        """Errors of the variables and of the app's folder."""
        for name in sorted(RESERVED_ENVIRONMENT.keys() & self.environment.keys()):
            place = place_in("environment", name)
            yield error(
                place, f"is computed from the key {RESERVED_ENVIRONMENT[name]}; set that", remove_command(place)
            )
        for name, value in self.environment.items():
            if len(value) < SHORTEST_SECRET or not SECRET_NAMES.search(name):
                continue
            place = place_in("environment", name)
            message = "looks like a secret, but the state has environment in plain text; put it into secretFiles"
            yield error(place, message, fix("secretFiles"), remove_command(place))
        if not is_file(self.dockerfile):
            yield wrong("context", f"has no Dockerfile: {self.dockerfile} does not exist")
        try:
            dockerignore.read(Path(self.context))
        except BuildInputError as problem:
            yield error("context", str(problem))

    @property
    def dockerfile(self) -> Path:
        """The app's Dockerfile, relative to the project."""
        return Path(self.context, "Dockerfile")
