"""What the emulator answers when it does not do what was asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


class ServiceError(Exception):
    """The cloud's own refusal, worded as the OCI Terraform provider prints a service error.

    source: oracle/terraform-provider-oci, internal/tfresource/errors.go, customError.Error: "<status>-<code>, <message>".
    """

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{status}-{code}, {message}")
        self.status, self.code = status, code


class UnsupportedError(Exception):
    """Something which Oracle Cloud does and the emulator does not. Said aloud, so that nothing is silently left out."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} (not supported by the sandbox's Oracle Cloud; sandbox/oci/README.md lists what is)")


class FailedError(Exception):
    """The cloud accepted a create and failed later. The id goes into the state, though nothing is there any more.

    source: oracle/terraform-provider-oci, containerengine_node_pool_resource.go, Create, which deletes the failed pool and keeps its id;
    internal/tfresource/crud_helpers.go, ResourceRefreshForHybridPolling, of an instance that ends TERMINATED.
    """

    def __init__(self, id: str, outputs: dict[str, Any], reason: str) -> None:
        super().__init__(f"work request did not succeed, Message: {reason}")
        self.id, self.outputs = id, outputs


@dataclass(frozen=True)
class Problem:
    """Something wrong with an input: the path of the property as in `createVnicDetails.nsgIds[0]`, and what is wrong with it."""

    path: str
    reason: str


def not_found(what: str = "") -> ServiceError:
    """What the cloud says of anything that is not there or not allowed: it does not tell the two apart."""
    return ServiceError(
        404,
        "NotAuthorizedOrNotFound",
        f"Authorization failed or requested resource not found{what and ': ' + what}.",
    )


def conflict(message: str) -> ServiceError:
    """Another resource prevents it."""
    return ServiceError(409, "Conflict", message)


def invalid(message: str) -> ServiceError:
    """A value that only the service can judge, since it needs another resource for that."""
    return ServiceError(400, "InvalidParameter", message)
