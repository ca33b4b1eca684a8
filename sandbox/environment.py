"""The environment in which the sandbox runs Pulumi: its own home, backend, plugins, trust and login, nothing of the user's."""

from __future__ import annotations

import os
from collections.abc import Mapping

from sandbox import account, paths

# Of the user's own clouds and builders; whatever they say must not reach the sandbox, nor the sandbox them.
_NOT_INHERITED = (
    "PULUMI_ACCESS_TOKEN",
    "PULUMI_CONFIG_PASSPHRASE",
    "PULUMI_PYTHON_CMD",
    "BUILDX_BUILDER",
    "BUILDX_CONFIG",
    "DOCKER_CONTEXT",
    "DOCKER_HOST",
    # Python's byte code of the SDKs has to be kept: compiling it again at every run takes longer than the run.
    "PYTHONDONTWRITEBYTECODE",
    "PYTHONHOME",
    "PYTHONPATH",
)
# Variables in which the OCI provider finds an account (specs/oci_profile.py).
_OF_AN_ACCOUNT = ("TF_VAR_", "OCI_")


def environment(inherited: Mapping[str, str]) -> dict[str, str]:
    """The whole environment for a `pulumi` process, made of `inherited`."""
    kept = {
        key: value
        for key, value in inherited.items()
        if key not in _NOT_INHERITED and not key.startswith(_OF_AN_ACCOUNT)
    }
    unproxied = ",".join(value for value in (kept.get("no_proxy") or kept.get("NO_PROXY"), str(paths.SUBNET)) if value)
    return {
        **kept,
        # The language host made of Go modules takes the first Python of PATH.
        "PATH": os.pathsep.join([str(paths.VENV / "bin"), str(paths.BIN), kept.get("PATH", os.defpath)]),
        "VIRTUAL_ENV": str(paths.VENV),
        "PULUMI_HOME": str(paths.PULUMI_HOME),
        # Without the files which a kill can leave empty, so that the state cannot be read (operations/interrupted.py, _half_written).
        "PULUMI_BACKEND_URL": f"file://{paths.BACKEND}?metadata=skip",
        "PULUMI_CONFIG_PASSPHRASE_FILE": str(account.PASSPHRASE),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        # A plugin that is missing is an error of the sandbox's, not a download.
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        # One in the user's PATH would be taken before the sandbox's own (source: pulumi, sdk/go/common/workspace/plugins.go).
        "PULUMI_IGNORE_AMBIENT_PLUGINS": "true",
        "SSL_CERT_FILE": str(paths.CA_BUNDLE),
        "DOCKER_CONFIG": str(paths.DOCKER_CONFIG),
        "NO_PROXY": unproxied,
        "no_proxy": unproxied,
        # Oracle's SDK and CLI take these; the SDK only where there is no ~/.oci/config.
        "OCI_CONFIG_FILE": str(account.OCI_CONFIG),
        "OCI_CLI_CONFIG_FILE": str(account.OCI_CONFIG),
        # The OCI provider, and what signs as it would, take these before any file.
        "TF_VAR_tenancy_ocid": paths.TENANCY_OCID,
        "TF_VAR_user_ocid": paths.USER_OCID,
        "TF_VAR_fingerprint": account.api_fingerprint(),
        "TF_VAR_private_key_path": str(account.API_KEY),
        # kubectl's, of what each cluster has; it would be in the user's ~/.kube.
        "KUBECACHEDIR": str(paths.HOME / "kubectl"),
        "SANDBOX_HOME": str(paths.HOME),
    }
