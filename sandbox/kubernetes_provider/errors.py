"""What ends a request of the engine without its answer, and how it is told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sandbox.kubernetes_provider.objects import Object


class ProviderError(Exception):
    """Something that a person can act on; the engine prints its message alone."""


class UnsupportedError(ProviderError):
    """Something which the official plugin does and the emulator does not. Said aloud, so that nothing is silently left out."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"{what} is not supported by the sandbox's emulation of pulumi-kubernetes (sandbox/kubernetes_provider/README.md "
            "lists what is); put the official plugin pulumi-resource-kubernetes into a folder and set SANDBOX_PLUGINS to it"
        )


class UnreachableError(ProviderError):
    """The API server does not answer, or does not let us in at all."""


class ApiError(ProviderError):
    """A refusal of the API server: the `Status` object it answered with. Its text is the server's own message, as in client-go."""

    def __init__(self, status: dict[str, Any]) -> None:
        super().__init__(status.get("message") or f"the server answered {status.get('code')}")
        self.code = int(status.get("code") or 0)
        self.reason = str(status.get("reason") or "")
        self.details: dict[str, Any] = status.get("details") or {}


class NoMatchError(ProviderError):
    """The cluster has no such kind."""

    def __init__(self, kind: str, api_version: str) -> None:
        super().__init__(f'no matches for kind "{kind}" in version "{api_version}"')


class WaitError(ProviderError):
    """An object exists, and did not become what was waited for. last: its last known form; reasons: why, one a line."""

    def __init__(self, message: str, last: Object, reasons: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.last = last
        self.reasons = list(reasons)


class PartialError(ProviderError):
    """The resource exists and goes into the state, with an error: the next `up` repairs it (ErrorResourceInitFailed)."""

    def __init__(
        self, message: str, resource_id: str, state: Any, inputs: Any = None, reasons: Sequence[str] = ()
    ) -> None:
        super().__init__(message)
        self.resource_id, self.state, self.inputs, self.reasons = resource_id, state, inputs, [message, *reasons]


def is_not_found(error: BaseException) -> bool:
    """Whether the object, or its namespace, is not there."""
    return isinstance(error, ApiError) and error.reason == "NotFound"


def is_namespace_missing(error: BaseException) -> bool:
    """Whether it is the namespace which is not there."""
    return isinstance(error, ApiError) and is_not_found(error) and error.details.get("kind") == "namespaces"


def has_reason(error: BaseException, reason: str) -> bool:
    """Whether the API server refused with this reason, such as Conflict or AlreadyExists."""
    return isinstance(error, ApiError) and error.reason == reason
