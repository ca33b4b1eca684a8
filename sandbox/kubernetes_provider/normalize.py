"""Inputs in the form in which the API server hands them back, so that only real changes are differences.

The official plugin sends inputs through Kubernetes' Go types and back (clients.Normalize), then keeps what has the shape of the
inputs (pruneMap, pruneSlice). What that round trip does to fields is done here by name: quantities become canonical, values that
Go leaves out when they are zero go, and stringData of a Secret becomes data.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

from sandbox.kubernetes_provider.objects import Object, has_unknowns

# Read-only metadata, which an imported or copied object may carry (provider.go, normalizeInputs).
_READ_ONLY = (
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "uid",
)

# Maps of quantities, and single quantities (source: k8s.io/api/core/v1/types.go, ResourceList and resource.Quantity).
_QUANTITY_MAPS = frozenset({"limits", "requests", "capacity", "allocatable", "overhead", "hard", "allocatedResources"})
_QUANTITIES = frozenset({"sizeLimit", "divisor"})

# Scalars which Go's types hold by value with `omitempty`: false, 0 and "" are as absent (source: k8s.io/api, core/v1 and apps/v1).
# Fields by pointer, such as automountServiceAccountToken or storageClassName, keep their zero.
_ZERO_IS_ABSENT = frozenset(
    """hostNetwork hostPID hostIPC stdin stdinOnce tty readOnly paused publishNotReadyAddresses minReadySeconds initialDelaySeconds
    timeoutSeconds periodSeconds successThreshold failureThreshold nodePort hostPort healthCheckNodePort subPath subPathExpr
    dnsPolicy restartPolicy schedulerName serviceAccountName serviceAccount nodeName hostname subdomain priorityClassName
    imagePullPolicy terminationMessagePath terminationMessagePolicy workingDir clusterIP loadBalancerIP externalName
    sessionAffinity externalTrafficPolicy volumeName protocol namespace generateName""".split()  # noqa: SIM905
)
# Maps held by value with `omitempty`; other empty objects are pointers to structures, and mean something (emptyDir: {}).
_EMPTY_MAP_IS_ABSENT = frozenset(
    """labels annotations nodeSelector matchLabels data stringData binaryData limits requests capacity overhead hard
    parameters""".split()  # noqa: SIM905
)
# Arrays whose emptiness Go keeps: none in what the inputs of a program hold, but the rules of a role (rbac/v1 PolicyRule.verbs).
_EMPTY_ARRAY_IS_KEPT = frozenset({"verbs", "rules"})

_QUANTITY = re.compile(r"([+-]?\d*\.?\d*)([eE][+-]?\d+|[numkMGTPE]|[KMGTPE]i)?")
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}


def normalized(obj: Object) -> Object:
    """The inputs as the API server would keep them. Inputs with unknown values lose only what is read-only."""
    if not has_unknowns(obj):
        is_secret = obj.get("apiVersion") == "v1" and obj.get("kind") == "Secret"
        obj = _secret(obj) if is_secret else {name: _value(name, value) for name, value in obj.items()}
    metadata = obj.get("metadata")
    if isinstance(metadata, dict):
        obj = {**obj, "metadata": {name: value for name, value in metadata.items() if name not in _READ_ONLY}}
    return obj


def _value(name: str, value: Any) -> Any:
    if isinstance(value, list):
        return [_value("", item) for item in value]
    if not isinstance(value, dict):
        return quantity(value) if name in _QUANTITIES else value
    if name in _QUANTITY_MAPS:
        return {member: quantity(part) for member, part in value.items()}
    if name in _EMPTY_MAP_IS_ABSENT:  # free keys: none of them is a field
        return value
    return {member: _value(member, part) for member, part in value.items() if not _absent(member, part)}


def _absent(name: str, value: Any) -> bool:
    if isinstance(value, list):
        return not value and name not in _EMPTY_ARRAY_IS_KEPT
    if isinstance(value, dict):
        return not value and name in _EMPTY_MAP_IS_ABSENT
    return value in (False, 0, "") and name in _ZERO_IS_ABSENT


def _secret(obj: Object) -> Object:
    """stringData over data; data decoded and encoded again, as the API server does."""
    data = dict(obj["data"]) if isinstance(obj.get("data"), dict) else {}
    texts = obj.get("stringData")
    if isinstance(texts, dict) and texts:
        data |= {key: base64.b64encode(str(value).encode()).decode() for key, value in texts.items()}
        return {**{name: value for name, value in obj.items() if name != "stringData"}, "data": data}
    return {**obj, "data": {key: _reencoded(value) for key, value in data.items()}} if data else obj


def _reencoded(value: Any) -> Any:
    try:
        return base64.b64encode(base64.b64decode(re.sub(r"[\r\n]", "", value), validate=True)).decode()
    except (binascii.Error, TypeError, ValueError):
        return value  # the API server will refuse it, in its own words


def quantity(value: Any) -> Any:
    """A quantity in its canonical form, such as 500m for 0.5; as it is where it is none.

    Source: k8s.io/apimachinery, pkg/api/resource/quantity.go, CanonicalizeBytes: no fraction, the largest suffix, and a binary
    form only where the value is at least 1024 in it.
    """
    found = _QUANTITY.fullmatch(str(value)) if isinstance(value, str | int | float) else None
    if found is None or found[1] in ("", "+", "-", "."):
        return value
    suffix = found[2] or ""
    if suffix in _BINARY:
        number = Fraction(Decimal(found[1])) * 2 ** _BINARY[suffix]
        if number.denominator == 1 and abs(number) >= 1024:
            return _binary(int(number))
    else:
        exponent = int(suffix[1:]) if suffix[:1] in ("e", "E") and len(suffix) > 1 else _DECIMAL[suffix]
        number = Fraction(Decimal(found[1])) * Fraction(10) ** exponent
        if suffix[:1] in ("e", "E") and len(suffix) > 1:
            return value
    nanos = number * 10**9
    return _decimal(math.ceil(nanos) if nanos >= 0 else math.floor(nanos))


def _binary(number: int) -> str:
    for suffix, power in reversed(_BINARY.items()):
        if number % 2**power == 0:
            return f"{number >> power}{suffix}"
    return str(number)


def _decimal(nanos: int) -> str:
    if nanos == 0:
        return "0"
    for suffix, power in reversed(_DECIMAL.items()):
        unit = 10 ** (power + 9)
        if nanos % unit == 0:
            return f"{nanos // unit}{suffix}"
    raise AssertionError("every whole number of nanos has a form")


def pruned(live: Mapping[str, Any], shape: Mapping[str, Any]) -> Object:
    """What of the live object has the shape of the inputs (pruneMap)."""
    result: Object = {}
    for name, value in live.items():
        if name not in shape:
            continue
        wanted = shape[name]
        if isinstance(value, dict) and isinstance(wanted, dict):
            result[name] = pruned(value, wanted)
        elif isinstance(value, list) and isinstance(wanted, list):
            result[name] = _pruned_items(value, wanted)
        else:
            result[name] = value
    return result


def _pruned_items(live: list[Any], shape: list[Any]) -> list[Any]:
    if not live or not shape:
        return []
    if type(live[0]) is not type(shape[0]):
        return live
    result: list[Any] = []
    for value, wanted in zip(live, shape, strict=False):
        if isinstance(value, dict) and isinstance(wanted, dict):
            result.append(pruned(value, wanted))
        elif isinstance(value, list) and isinstance(wanted, list):
            result.append(_pruned_items(value, wanted))
        else:
            result.append(value)
    return result
