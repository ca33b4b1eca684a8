"""Whether a Service can be used: it has its load balancer's address, and all its endpoints are ready.

Semantics and words: pulumi-kubernetes, provider/pkg/await/service.go.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from sandbox.kubernetes_provider.objects import Object, pluck

SETTLE_SECONDS = 10.0


@dataclass
class Watched:
    """What is known of a Service while it is waited for. Endpoints count once they were left alone for ten seconds.

    clock: seconds, such as time.monotonic.
    """

    clock: Callable[[], float]
    service: Object = field(default_factory=dict)
    endpoints: Object | None = None
    _version: str | None = None
    _timers: list[float] = field(default_factory=list)
    _settled: bool = False

    def saw(self, service: Object, endpoints: Object | None) -> None:
        """Take in what the cluster says now. endpoints: the Endpoints object of the same name, if there is one."""
        self.service, now = service, self.clock()
        version = pluck(endpoints, "metadata", "resourceVersion")
        if version != self._version and (endpoints is not None or self._version is not None):
            self._version, self._settled = version, False
            self._timers.append(now + SETTLE_SECONDS)
        self.endpoints = endpoints
        # As there: the timer of an earlier change settles a later one too.
        if any(timer <= now for timer in self._timers):
            self._timers = [timer for timer in self._timers if timer > now]
            self._settled = True

    def settle(self) -> None:
        """For a single look (refresh): endpoints count as they are."""
        self._settled = True

    @property
    def has_address(self) -> bool:
        """Whether the load balancer has one; True where none is asked for."""
        balanced = pluck(self.service, "spec", "type") == "LoadBalancer"
        return not balanced or bool(pluck(self.service, "status", "loadBalancer", "ingress"))

    @property
    def pending(self) -> bool:
        """Whether an endpoint is not ready."""
        return any(subset.get("notReadyAddresses") for subset in pluck(self.endpoints, "subsets") or [])

    @property
    def targets(self) -> bool:
        """Whether an endpoint is ready."""
        return any(subset.get("addresses") for subset in pluck(self.endpoints, "subsets") or [])

    @property
    def done(self) -> bool:
        """Whether it can be used. Without a selector, headless or as a name there are no pods to wait for."""
        if self._without_pods or not pluck(self.service, "spec", "selector"):
            return self.has_address
        return self.has_address and self._settled and not self.pending

    @property
    def good_enough(self) -> bool:
        """When the time is over: endpoints need not have settled, and there may be none."""
        return self.has_address and not self.pending

    @property
    def _without_pods(self) -> bool:
        spec = self.service.get("spec") or {}
        return bool(spec.get("clusterIP") == "None" or spec.get("type") == "ExternalName")

    @property
    def status(self) -> str:
        """One line for now."""
        if self._settled and self.targets:
            return "[2/3] Attempting to allocate IP address to Service"
        return "[1/3] Finding Pods to direct traffic to"

    @property
    def reasons(self) -> list[str]:
        """What stands in the way."""
        if self._without_pods:
            return []
        reasons = []
        if not self.targets:
            reasons.append(
                "Service does not target any Pods. Selected Pods may not be ready, or field '.spec.selector' may not match "
                "labels on any Pods"
            )
        if not self.has_address:
            reasons.append("Service was not allocated an IP address; does your cloud provider support this?")
        return reasons
