"""The environment in which the sandbox runs Pulumi: its own home, backend, plugins, certificates and login."""

from __future__ import annotations

import os
from collections.abc import Mapping

from sandbox import account, paths

# Settings of the user's clouds and builders, which the sandbox must not use.
_NOT_INHERITED = (
    "PULUMI_ACCESS_TOKEN",
    "PULUMI_CONFIG_PASSPHRASE",
    "PULUMI_PYTHON_CMD",
    "BUILDX_BUILDER",
    "BUILDX_CONFIG",
    "DOCKER_CONTEXT",
    "DOCKER_HOST",
    # Without byte code, every run would compile the SDKs again.
    "PYTHONDONTWRITEBYTECODE",
    "PYTHONHOME",
    "PYTHONPATH",
)
# Prefixes of variables in which the OCI provider finds an account.
_OF_AN_ACCOUNT = ("TF_VAR_", "OCI_")


def environment(inherited: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a `pulumi` process, based on `inherited`."""
    kept = {
        key: value
        for key, value in inherited.items()
        if key not in _NOT_INHERITED and not key.startswith(_OF_AN_ACCOUNT)
    }
    unproxied = ",".join(value for value in (kept.get("no_proxy") or kept.get("NO_PROXY"), str(paths.SUBNET)) if value)
    return {
        **kept,
        # The compiled language host takes the first Python on PATH.
        "PATH": os.pathsep.join([str(paths.VENV / "bin"), str(paths.BIN), kept.get("PATH", os.defpath)]),
        "VIRTUAL_ENV": str(paths.VENV),
        "PULUMI_HOME": str(paths.PULUMI_HOME),
        # Without metadata files: a kill can leave them empty, and then the state cannot be read.
        "PULUMI_BACKEND_URL": f"file://{paths.BACKEND}?metadata=skip",
        "PULUMI_CONFIG_PASSPHRASE_FILE": str(account.PASSPHRASE),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        # The sandbox installs all plugins; a missing one is an error.
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        # Plugins on the user's PATH would have precedence (source: pulumi, sdk/go/common/workspace/plugins.go).
        "PULUMI_IGNORE_AMBIENT_PLUGINS": "true",
        "SSL_CERT_FILE": str(paths.CA_BUNDLE),
        "DOCKER_CONFIG": str(paths.DOCKER_CONFIG),
        "NO_PROXY": unproxied,
        "no_proxy": unproxied,
        # For Oracle's SDK and CLI; the SDK prefers ~/.oci/config.
        "OCI_CONFIG_FILE": str(account.OCI_CONFIG),
        "OCI_CLI_CONFIG_FILE": str(account.OCI_CONFIG),
        # For the OCI provider and the login to clusters, which prefer these to a file.
        "TF_VAR_tenancy_ocid": paths.TENANCY_OCID,
        "TF_VAR_user_ocid": paths.USER_OCID,
        "TF_VAR_fingerprint": account.api_fingerprint(),
        "TF_VAR_private_key_path": str(account.API_KEY),
        # kubectl's cache, by default in ~/.kube.
        "KUBECACHEDIR": str(paths.HOME / "kubectl"),
        "SANDBOX_HOME": str(paths.HOME),
    }
