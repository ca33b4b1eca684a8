"""Policies on size: the stack stays within Oracle's Always Free allowance."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from math import inf
from typing import Any

from policy.rule import UNKNOWN, Policy, Resource, Stack
from specs.load_balancer import PREFIX
from specs.resource_types import CLAIM, CLUSTER, INSTANCE, VOLUME
from specs.shape import SHAPE

# Source: Oracle, "Always Free Resources": A1 Flex, block and boot volumes together, one flexible load balancer.
OCPUS, MEMORY_GB, STORAGE_GB, LOAD_BALANCERS, BANDWIDTH_MBPS = 2, 12, 200, 1, 10
MICRO_INSTANCES = 2
_MICRO = "VM.Standard.E2.1.Micro"
# The cloud's own defaults (source: Oracle, "Boot Volume", "Block Volume"): a volume without a size has 1 TB.
_DEFAULT_BOOT_GB, _DEFAULT_VOLUME_GB, _SMALLEST_VOLUME_GB = 50, 1024, 50
_UNITS_GB = {"Ki": 2**-20, "Mi": 2**-10, "Gi": 1.0, "Ti": 2**10, "Pi": 2**20, "Ei": 2**30}
_UNITS_GB |= {"": 1e-9, "k": 1e-6, "M": 1e-3, "G": 1.0, "T": 1e3, "P": 1e6, "E": 1e9}


def number(value: Any, default: float = 0) -> float:
    """A number given as such or as text. An unknown value counts as 0."""
    if value is None:
        return default
    try:
        return float(value)
    except (TypeError, ValueError):
        return 0


def quantity_gb(value: Any) -> float:
    """Convert a quantity of Kubernetes, such as "50Gi", to GB; of an unknown unit, infinitely many."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([A-Za-z]*)", value) if isinstance(value, str) else None
    return float(found[1]) * _UNITS_GB.get(found[2], inf) if found else 0


def _machines(resource: Resource) -> tuple[Any, str, float, str]:
    """Shape, path of its configuration, number of machines, and path of the boot volume's size."""
    if resource.type == INSTANCE:
        return resource.at("shape"), "shapeConfig", 1, "sourceDetails.bootVolumeSizeInGbs"
    if resource.type == "oci:ContainerEngine/nodePool:NodePool":
        count = number(resource.at("nodeConfigDetails.size"))
        return resource.at("nodeShape"), "nodeShapeConfig", count, "nodeSourceDetails.bootVolumeSizeInGbs"
    return None, "", 0, ""


def _cpus(resource: Resource) -> float:
    shape, config, count, _ = _machines(resource)
    return count * number(resource.at(f"{config}.ocpus"), 1) if shape == SHAPE else 0


def _memory(resource: Resource) -> float:
    shape, config, count, _ = _machines(resource)
    each = number(resource.at(f"{config}.memoryInGbs"), 6 * number(resource.at(f"{config}.ocpus"), 1))
    return count * each if shape == SHAPE else 0


def _storage(resource: Resource) -> float:
    _, _, count, boot = _machines(resource)
    if count:
        return count * number(resource.at(boot), _DEFAULT_BOOT_GB)
    if resource.type == VOLUME:
        return number(resource.at("sizeInGbs"), _DEFAULT_VOLUME_GB)
    if resource.type == CLAIM:
        return max(_SMALLEST_VOLUME_GB, quantity_gb(resource.at("spec.resources.requests.storage")))
    return 0


def _micro(resource: Resource) -> float:
    shape, _, count, _ = _machines(resource)
    return count if shape == _MICRO else 0


def _balancers(resource: Resource) -> float:
    service = resource.type == "kubernetes:core/v1:Service" and resource.at("spec.type") == "LoadBalancer"
    return float(service or resource.type == "oci:LoadBalancer/loadBalancer:LoadBalancer")


_SUMS: tuple[tuple[str, float, str, Callable[[Resource], float]], ...] = (
    (SHAPE, OCPUS, "OCPU", _cpus),
    (SHAPE, MEMORY_GB, "GB of memory", _memory),
    ("boot and data volumes", STORAGE_GB, "GB", _storage),
    (_MICRO, MICRO_INSTANCES, "instances", _micro),
    ("load balancers", LOAD_BALANCERS, "", _balancers),
)


def beyond_always_free(resources: Sequence[Resource], _: Stack) -> Iterable[str]:
    """Everything that costs money: sums over the stack, and single resources that Always Free does not include."""
    for what, covered, unit, size in _SUMS:
        parts = [(resource.name, size(resource)) for resource in resources if size(resource)]
        total = sum(part for _, part in parts)
        if total > covered:
            listed = ", ".join(f"{name} {part:g}" for name, part in parts)
            text = f"{total:g} {unit} of {what}" if unit else f"{total:g} {what}"
            yield f"The stack has {text} ({listed}); Always Free covers {covered:g}."
    for resource in resources:
        yield from _paid(resource)


def _paid(resource: Resource) -> Iterator[str]:
    shape, _, _, _ = _machines(resource)
    if shape not in (None, UNKNOWN, SHAPE, _MICRO):
        yield f"{resource.name} has shape {shape}; Always Free covers {SHAPE} and {_MICRO}."
    if resource.type == CLUSTER and resource.at("type") == "ENHANCED_CLUSTER":
        yield f"{resource.name} is an ENHANCED_CLUSTER, which costs by the hour; BASIC_CLUSTER does not."
    if _balancers(resource):
        service = resource.type.startswith("kubernetes:")
        kind = _annotation(resource, f"{PREFIX}shape") if service else resource.at("shape")
        most = (
            _annotation(resource, f"{PREFIX}shape-flex-max")
            if service
            else resource.at("shapeDetails.maximumBandwidthInMbps")
        )
        if kind not in ("flexible", UNKNOWN) or number(most, BANDWIDTH_MBPS + 1) > BANDWIDTH_MBPS:
            size_text = f"up to {most} Mbps" if kind == "flexible" else f"shape {kind or '100Mbps'}"
            yield f"{resource.name} has {size_text}; Always Free covers a flexible load balancer of {BANDWIDTH_MBPS} Mbps."


def _annotation(resource: Resource, name: str) -> Any:
    annotations = resource.at("metadata.annotations")
    return UNKNOWN if annotations is UNKNOWN else (annotations or {}).get(name)


POLICIES = (
    Policy(
        "always-free",
        f"The stack fits in Always Free: {OCPUS} OCPU and {MEMORY_GB} GB of A1 Flex, {STORAGE_GB} GB of volumes, "
        f"one load balancer of {BANDWIDTH_MBPS} Mbps, a basic cluster.",
        "Everything beyond that costs money from the first hour.",
        "lower ocpus, memoryInGbs, nodeCount, bootVolumeSizeInGbs, dataVolumeSizeInGbs or loadBalancerMaxMbps, "
        "such as `pulumi config set ocpus 2`.",
        check_stack=beyond_always_free,
        may_be_excepted=True,
    ),
)
