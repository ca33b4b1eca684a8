"""The first process in the container of a control plane: `python -m sandbox.kubernetes.control_plane <name>`."""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path
from time import sleep

from sandbox import address
from sandbox.kubernetes import authenticator, bootstrap, folders
from sandbox.kubernetes.api import Api, ApiError, Json
from sandbox.kubernetes.supervise import Supervisor
from sandbox.oci.errors import ServiceError
from sandbox.process import SandboxError

ETCD = "http://127.0.0.1:2379"
# How often the emulated controllers check for changes.
SECONDS = 0.5


def main(name: str) -> None:
    """Run until stopped."""
    folder = folders.of(name)
    spec: Json = json.loads((folder / "spec.json").read_text())
    address.announce(spec["address"])
    supervisor = Supervisor(folder / "log")
    supervisor.start("etcd", _etcd(folder))
    listener = authenticator.listen(folders.PUBLIC_KEY, spec["id"])
    supervisor.thread("authenticator", listener.serve_forever)
    supervisor.start("kube-apiserver", _api_server(folder, spec["address"], spec["services"]))
    api = Api(folders.admin(name))
    supervisor.wait_until(api.ready, 60)
    own: list[str | Path] = ["--kubeconfig", folders.admin(name), "--leader-elect=false"]
    keys: list[str | Path] = ["--service-account-private-key-file", folder / "pki" / "service-accounts.pem"]
    keys += ["--root-ca-file", folder / "pki" / "ca.pem", "--use-service-account-credentials"]
    pods = ["--allocate-node-cidrs", "--cluster-cidr", spec["pods"]]
    supervisor.start(
        "kube-controller-manager", ["kube-controller-manager", *own, *keys, *pods, "--bind-address=127.0.0.1"]
    )
    supervisor.start("kube-scheduler", ["kube-scheduler", *own, "--bind-address=127.0.0.1"])
    bootstrap.apply(api)
    # Loaded late, because they load the whole emulated cloud.
    from sandbox.kubernetes import block_volumes, load_balancers

    volumes = block_volumes.BlockVolumes(api, spec)
    balancers = load_balancers.LoadBalancers(api, spec, supervisor)
    supervisor.thread("block volumes", functools.partial(_forever, volumes.reconcile))
    supervisor.thread("load balancers", functools.partial(_forever, balancers.reconcile))
    supervisor.wait()


def _forever(reconcile: Callable[[], None]) -> None:
    while True:
        try:
            reconcile()
        except (ApiError, OSError, HTTPException, SandboxError, ServiceError) as error:
            # The next round tries again.
            print(f"{reconcile.__qualname__}: {error!r}", file=sys.stderr, flush=True)
        sleep(SECONDS)


def _etcd(folder: Path) -> list[str | Path]:
    # Without fsync: data survive a restart of the container, but not a crash of the host.
    command: list[str | Path] = [
        "etcd",
        "--data-dir",
        folder / "etcd",
        "--unsafe-no-fsync",
        "--logger=zap",
        "--log-level=warn",
    ]
    command += [f"--listen-client-urls={ETCD}", f"--advertise-client-urls={ETCD}"]
    return [*command, "--listen-peer-urls=http://127.0.0.1:2380"]


def _api_server(folder: Path, address: str, services: str) -> list[str | Path]:
    own = folder / "pki"
    webhook = folder / "authenticator.conf"
    webhook.write_text(authenticator.webhook_configuration())
    options: dict[str, str | Path] = {
        "etcd-servers": ETCD,
        "advertise-address": address,
        "secure-port": str(folders.PORT),
        "service-cluster-ip-range": services,
        "client-ca-file": own / "ca.pem",
        "tls-cert-file": own / "apiserver.pem",
        "tls-private-key-file": own / "apiserver-key.pem",
        "kubelet-certificate-authority": own / "ca.pem",
        "kubelet-client-certificate": own / "apiserver.pem",
        "kubelet-client-key": own / "apiserver-key.pem",
        "kubelet-preferred-address-types": "InternalIP",
        "authorization-mode": "Node,RBAC",
        # In addition to the defaults, such as PodSecurity.
        "enable-admission-plugins": "NodeRestriction",
        "authentication-token-webhook-config-file": webhook,
        "authentication-token-webhook-version": "v1",
        "service-account-issuer": "https://kubernetes.default.svc",
        "service-account-key-file": own / "service-accounts.pem",
        "service-account-signing-key-file": own / "service-accounts.pem",
        "allow-privileged": "true",
        "profiling": "false",
    }
    return ["kube-apiserver", *(f"--{name}={value}" for name, value in options.items())]


if __name__ == "__main__":
    main(sys.argv[1])
