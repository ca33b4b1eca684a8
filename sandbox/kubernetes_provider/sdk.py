"""Names and types of inputs, read from the annotations in the source of the pulumi_kubernetes SDK.

The source is read, not imported: core/v1 alone is 42,000 lines, and a program uses a few classes of it. The SDK is generated, so all
of it has one form.
"""

from __future__ import annotations

import ast
import importlib.util
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path


@dataclass(frozen=True)
class Scalar:
    """What a value may be: the names of Python's types (str, int, float, bool), or Any."""

    names: tuple[str, ...]


@dataclass(frozen=True)
class Literal:
    """One of these texts."""

    values: tuple[str, ...]


@dataclass(frozen=True)
class ListOf:
    """An array."""

    element: Type


@dataclass(frozen=True)
class MapOf:
    """An object whose keys are free, such as labels."""

    element: Type


@dataclass(frozen=True)
class Structure:
    """An object with named members: an …Args class of a module such as `core.v1`."""

    module: str
    name: str

    @cached_property
    def fields(self) -> Mapping[str, Field]:
        """The members by their names on the wire, such as `imagePullSecrets`."""
        return _members(_class(self.module, "_inputs", self.name), self.module)


Type = Scalar | Literal | ListOf | MapOf | Structure


@dataclass(frozen=True)
class Field:
    """A member of an object."""

    type: Type
    required: bool


class NotInSdkError(LookupError):
    """The SDK has no such type."""


@cache
def inputs(token: str) -> Mapping[str, Field]:
    """The inputs of a resource type such as `kubernetes:apps/v1:Deployment`. Raises NotInSdkError."""
    found = re.fullmatch(r"kubernetes:([\w.-]+)/(\w+):(\w+)", token)
    if not found:
        raise NotInSdkError(f"{token} is not a type of pulumi_kubernetes")
    # rbac.authorization.k8s.io/v1 is pulumi_kubernetes.rbac.v1
    module, kind = f"{found[1].partition('.')[0]}.{found[2]}", found[3]
    if f'@pulumi.type_token("{token}")' not in _source(module, kind):
        raise NotInSdkError(f"pulumi_kubernetes {version()} has no {token}")
    # The class is called …InitArgs where a nested type has the name already.
    source = re.search(
        rf"^class {kind}(?:Init)?Args:.*?(?=^@|^class )", _source(module, kind), re.DOTALL | re.MULTILINE
    )
    if not source:
        raise NotInSdkError(f"pulumi_kubernetes {version()} has no arguments of {token}")
    return _members(source[0], module)


@cache
def configuration() -> Mapping[str, Field]:
    """What a `kubernetes.Provider` takes."""
    source = re.search(
        r"^class ProviderArgs:.*?(?=^@|^class )", (folder() / "provider.py").read_text(), re.DOTALL | re.MULTILINE
    )
    if not source:
        raise NotInSdkError(f"pulumi_kubernetes {version()} has no ProviderArgs")
    return _members(source[0], "")


def version() -> str:
    """Of the provider that belongs to the SDK."""
    return str(json.loads((folder() / "pulumi-plugin.json").read_text())["version"])


@cache
def folder() -> Path:
    """Where the SDK is installed."""
    spec = importlib.util.find_spec("pulumi_kubernetes")
    if spec is None or spec.origin is None:
        raise NotInSdkError("pulumi_kubernetes is not installed")
    return Path(spec.origin).parent


_GETTER = re.compile(
    r'@pulumi\.getter(?:\(name="(\w+)"\))?\s+(?:@_utilities\.deprecated\(""".*?"""\)\s+)?def (\w+)\(self\) -> (.+?):\n',
    re.DOTALL,
)


@cache
def _source(module: str, name: str) -> str:
    try:
        return folder().joinpath(*module.split("."), f"{name}.py").read_text()
    except (FileNotFoundError, NotADirectoryError):
        raise NotInSdkError(f"pulumi_kubernetes {version()} has no {module}.{name}") from None


@cache
def _class(module: str, file: str, name: str) -> str:
    source = _source(module, file)
    start = source.find(f"\nclass {name}:")
    if start < 0:
        raise NotInSdkError(f"pulumi_kubernetes {version()} has no {name} in {module}")
    end = source.find("\nclass ", start + 1)
    return source[start:end] if end > 0 else source[start:]


def _members(source: str, module: str) -> dict[str, Field]:
    members = {}
    for wire, name, annotation in _GETTER.findall(source):
        node = ast.parse(annotation, mode="eval").body
        inner = node.slice if isinstance(node, ast.Subscript) and _head(node) == "Input" else node
        optional = isinstance(inner, ast.Subscript) and _head(inner) == "Optional"
        members[wire or name] = Field(_type(inner, module), required=not optional)
    return members


def _head(node: ast.Subscript) -> str:
    return node.value.attr if isinstance(node.value, ast.Attribute) else getattr(node.value, "id", "")


def _type(node: ast.expr, module: str) -> Type:
    match node:
        case ast.Constant(value=str(text)):
            # '_meta.v1.ObjectMetaArgs' of another module, 'PodSpecArgs' of this one.
            other, _, name = text.rpartition(".")
            return Structure(other.lstrip("_") or module, name)
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return Scalar((name,))
        case ast.Subscript(slice=inner):
            return _generic(_head(node), inner, module)
    raise NotInSdkError(f"cannot read the annotation {ast.unparse(node)}")


def _generic(head: str, inner: ast.expr, module: str) -> Type:
    parts = inner.elts if isinstance(inner, ast.Tuple) else [inner]
    if head in ("Input", "Optional"):
        return _type(inner, module)
    if head == "Sequence":
        return ListOf(_type(inner, module))
    if head == "Mapping":
        return MapOf(_type(parts[1], module))
    if head == "Literal":
        return Literal(tuple(str(part.value) for part in parts if isinstance(part, ast.Constant)))
    if head == "Union":
        types = [_type(part, module) for part in parts]
        scalars = [name for kind in types if isinstance(kind, Scalar) for name in kind.names]
        # A class and its typed-dict twin; an enumeration and the text that it stands for; a number or a text.
        return Scalar(tuple(scalars)) if scalars else types[0]
    raise NotInSdkError(f"cannot read the annotation {head}[{ast.unparse(inner)}]")
