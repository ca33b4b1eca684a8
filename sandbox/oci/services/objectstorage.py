"""Object Storage: the tenancy's namespace, which is the registry's too. There are no buckets."""

from __future__ import annotations

from sandbox import paths
from sandbox.oci.cloud import Cloud
from sandbox.oci.function import Function
from sandbox.oci.wire import Properties


def _get_namespace(cloud: Cloud, arguments: Properties) -> Properties:
    return {"namespace": paths.NAMESPACE}


FUNCTIONS = (Function("oci:ObjectStorage/getNamespace:getNamespace", _get_namespace),)
