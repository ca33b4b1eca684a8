"""Names and types of inputs and outputs, read from the annotations in the source of the pulumi_oci SDK.

The source is read, not imported: importing pulumi_oci.core runs 1,400 classes and takes 0.3 s of every preview, finding the few that
a program uses takes milliseconds. The SDK is generated, so all of it has one form (tests/unit/test_oci_provider_sdk.py).
"""

from __future__ import annotations

import ast
import importlib.util
import json
import re
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path


@dataclass(frozen=True)
class Scalar:
    """name: str, bool, int, float or Any."""

    name: str


@dataclass(frozen=True)
class ListOf:
    """An array; Terraform's sets are arrays here too."""

    element: Type


@dataclass(frozen=True)
class MapOf:
    """An object whose keys are free, such as freeformTags."""

    element: Type


@dataclass(frozen=True)
class Object:
    """An object with named members: an …Args class of the SDK, or the arguments of a function."""

    name: str
    service: str

    @cached_property
    def fields(self) -> dict[str, Field]:
        """The members by their names on the wire, such as `availabilityDomain`."""
        if self.name.startswith("get_"):
            return _arguments(self.service, self.name)
        return _members(_class_source(self.service, "_inputs", self.name), self.service)


Type = Scalar | ListOf | MapOf | Object


@dataclass(frozen=True)
class Field:
    """A member of an object."""

    type: Type
    required: bool


class NotInSdkError(LookupError):
    """The SDK has no such resource or function."""


def inputs(token: str) -> dict[str, Field]:
    """The inputs of a resource type such as `oci:Core/vcn:Vcn`. Raises NotInSdkError."""
    service, module, name = _parts(token)
    return _members(_class_source(service, module, f"{name}Args"), service)


def arguments(token: str) -> dict[str, Field]:
    """The arguments of a function such as `oci:Core/getImages:getImages`. Raises NotInSdkError."""
    service, module, _ = _parts(token)
    return Object(module, service).fields


@cache
def outputs(token: str) -> frozenset[str]:
    """The names of all outputs of a resource type."""
    service, module, name = _parts(token)
    return frozenset(wire or name for wire, name, _ in _GETTER.findall(_class_source(service, module, name)))


def version() -> str:
    """Of the provider that belongs to the SDK."""
    return str(json.loads((_folder() / "pulumi-plugin.json").read_text())["version"])


def config_names() -> frozenset[str]:
    """What may be configured in the stack's `oci:` namespace."""
    return frozenset(re.findall(r"__config__\.get\w*\('(\w+)'\)", (_folder() / "config" / "vars.py").read_text()))


_GETTER = re.compile(
    r'@pulumi\.getter(?:\(name="(\w+)"\))?\s+(?:@_utilities\.deprecated\(""".*?"""\)\s+)?def (\w+)\(self\) -> (.+?):\n',
    re.DOTALL,
)


@cache
def _folder() -> Path:
    spec = importlib.util.find_spec("pulumi_oci")
    if spec is None or spec.origin is None:
        raise NotInSdkError("pulumi_oci is not installed")
    return Path(spec.origin).parent


def _parts(token: str) -> tuple[str, str, str]:
    """`oci:Core/natGateway:NatGateway` is class NatGateway in core/nat_gateway.py."""
    found = re.fullmatch(r"oci:(\w+)/(\w+):(\w+)", token)
    if not found:
        raise NotInSdkError(f"{token} is not a type of pulumi_oci")
    module = re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", found[2]).lower()
    return found[1].lower(), module, found[3]


@cache
def _source(service: str, module: str) -> str:
    try:
        return (_folder() / service / f"{module}.py").read_text()
    except FileNotFoundError:
        raise NotInSdkError(f"pulumi_oci {version()} has no {service}.{module}") from None


@cache
def _class_source(service: str, module: str, name: str) -> str:
    found = re.search(rf"^class {name}[:(].*?(?=^\S|\Z)", _source(service, module), re.DOTALL | re.MULTILINE)
    if not found:
        raise NotInSdkError(f"pulumi_oci {version()} has no {name} in {service}.{module}")
    return found[0]


def _members(source: str, service: str) -> dict[str, Field]:
    members = {}
    for wire, name, annotation in _GETTER.findall(source):
        node = ast.parse(annotation, mode="eval").body
        members[wire or name] = Field(_type(node, service), required=_optionals(node) == 0)
    return members


def _arguments(service: str, function: str) -> dict[str, Field]:
    source = _source(service, function)
    found = re.search(rf"^(def {function}_output\(.*?\)) -> ", source, re.DOTALL | re.MULTILINE)
    if not found:
        raise NotInSdkError(f"pulumi_oci {version()} has no {service}.{function}")
    [definition] = ast.parse(f"{found[1]}: pass").body
    annotations = {
        node.arg: node.annotation for node in ast.walk(definition) if isinstance(node, ast.arg) and node.annotation
    }
    names = dict(re.findall(r"__args__\['(\w+)'\] = (\w+)", source))
    fields = {}
    for wire, name in names.items():
        node = annotations[name]
        # Every argument may be left out of the call of an overload; those that may be null as well have a second Optional.
        fields[wire] = Field(_type(node, service), required=_optionals(node) == 1)
    return fields


def _optionals(node: ast.expr) -> int:
    """How many Optional[…] stand around the type, outside of lists and maps."""
    if isinstance(node, ast.Subscript) and _head(node) in ("Input", "Optional"):
        return (_head(node) == "Optional") + _optionals(node.slice)
    return 0


def _head(node: ast.Subscript) -> str:
    return node.value.attr if isinstance(node.value, ast.Attribute) else getattr(node.value, "id", "")


def _type(node: ast.expr, service: str) -> Type:
    match node:
        case ast.Constant(value=str(name)):
            return Object(name, service)
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return Scalar(name)
        case ast.Subscript(slice=inner):
            match _head(node):
                case "Input" | "Optional":
                    return _type(inner, service)
                case "Sequence":
                    return ListOf(_type(inner, service))
                case "Mapping" if isinstance(inner, ast.Tuple):
                    return MapOf(_type(inner.elts[1], service))
                case "Union" if isinstance(inner, ast.Tuple):
                    # The class and its typed-dict twin: the first is the class.
                    return _type(inner.elts[0], service)
    raise NotInSdkError(f"cannot read the annotation {ast.unparse(node)}")
