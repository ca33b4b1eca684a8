"""The app in the cluster: its namespace, secrets, data, pods, and the load balancer in front.

Owns all of them. With `retain_claim` namespace and claim stay when the stack goes, and with the claim the volume behind it, which a
storage class like oci-bv would otherwise delete.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_kubernetes as k8s
from pydantic.alias_generators import to_snake

from components.bound_volume import bound_volume
from components.cluster import Cluster
from components.network import Network
from components.registry import Registry
from specs import kubernetes, load_balancer
from specs.cluster import load_balancer_subnet
from specs.kubernetes import AppSpec, Manifest
from specs.load_balancer import LoadBalancerSpec
from specs.tags import on_destroy

ROLLOUT_TIMEOUT = f"{kubernetes.ROLLOUT_TIMEOUT_SECONDS}s"


@dataclass(frozen=True)
class KubernetesAppArgs:
    """cluster, network, registry: where it runs, what the load balancer needs, the registry; image: reference by digest; app,
    load_balancer: what they are; subnet_id: OCID of the load balancer's subnet, "" for the network's; security_group_ids: OCIDs of groups
    beside the network's; secret_files: file name to content (secret); tls_certificate, tls_private_key: PEM, "" without; retain_claim:
    keep the data on destroy.
    """

    cluster: Cluster
    network: Network
    registry: Registry
    image: pulumi.Input[str]
    app: AppSpec
    load_balancer: LoadBalancerSpec
    subnet_id: str
    security_group_ids: Sequence[str]
    secret_files: Mapping[str, str]
    tls_certificate: str
    tls_private_key: str
    retain_claim: bool


class KubernetesApp(pulumi.ComponentResource):
    """The running app, there once its pods are ready; load_balancer_address: IP address, internal unless told otherwise;
    data_volume_id: OCID of the block volume behind the claim, "" while there is none.
    """

    load_balancer_address: pulumi.Output[str]
    data_volume_id: pulumi.Output[str]

    def __init__(self, name: str, args: KubernetesAppArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("containerised-app:kubernetes_app:KubernetesApp", name, None, opts)
        app = args.app
        retained = self._options(args, retain_on_delete=args.retain_claim)
        namespace = k8s.core.v1.Namespace(
            f"{name}-namespace", **_fields(_told(kubernetes.namespace(app), args.retain_claim)), opts=retained
        )
        inside = self._options(args, depends_on=[namespace])
        pull_secret = self._pull_secret(name, args, inside)
        files_secret = k8s.core.v1.Secret(
            f"{name}-files",
            **_fields(kubernetes.files_secret(app, pulumi.Output.secret(_encoded(args.secret_files)))),
            opts=inside,
        )
        claim = k8s.core.v1.PersistentVolumeClaim(
            f"{name}-claim",
            **_fields(_told(kubernetes.claim(app), args.retain_claim)),
            opts=self._options(args, depends_on=[namespace], retain_on_delete=args.retain_claim),
        )
        volume = [self._volume(name, args, claim)] if app.volume_id else []
        policy = k8s.networking.v1.NetworkPolicy(
            f"{name}-network-policy", **_fields(kubernetes.network_policy(app)), opts=inside
        )
        deployment = k8s.apps.v1.Deployment(
            f"{name}-deployment",
            **_fields(kubernetes.deployment(app, args.image)),
            opts=self._options(
                args,
                # The policy first: no pod runs without it.
                depends_on=[pull_secret, files_secret, claim, *volume, policy],
                custom_timeouts=pulumi.CustomTimeouts(create=ROLLOUT_TIMEOUT, update=ROLLOUT_TIMEOUT),
            ),
        )
        service = self._service(name, args, deployment, inside)
        self.load_balancer_address = service.status.apply(load_balancer.address)
        # The volume is made for the first pod, and the claim in the state does not name it.
        self.data_volume_id = pulumi.Output.all(args.cluster.kubeconfig, claim.id, deployment.id).apply(
            lambda known: app.volume_id or bound_volume(known[0], app.namespace, app.claim)
        )
        self.register_outputs(
            {"load_balancer_address": self.load_balancer_address, "data_volume_id": self.data_volume_id}
        )

    def _options(self, args: KubernetesAppArgs, **options: Any) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self, provider=args.cluster.provider, **options)

    def _pull_secret(self, name: str, args: KubernetesAppArgs, options: pulumi.ResourceOptions) -> k8s.core.v1.Secret:
        registry = args.registry
        login = pulumi.Output.all(registry.username, registry.token).apply(
            lambda known: kubernetes.docker_config(registry.host, *known)
        )
        return k8s.core.v1.Secret(
            f"{name}-pull-secret",
            **_fields(kubernetes.pull_secret(args.app, pulumi.Output.secret(login))),
            opts=options,
        )

    def _volume(
        self, name: str, args: KubernetesAppArgs, claim: k8s.core.v1.PersistentVolumeClaim
    ) -> k8s.core.v1.PersistentVolume:
        # The uid without the dependency: a destroy deletes both at once, since Kubernetes keeps a bound volume as long as its claim.
        uid = claim.metadata.uid
        uid = pulumi.Output(set(), uid.future(with_unknowns=True), uid.is_known())
        return k8s.core.v1.PersistentVolume(
            f"{name}-volume",
            **_fields(_told(kubernetes.volume(args.app, uid), args.retain_claim)),
            opts=self._options(args, retain_on_delete=args.retain_claim),
        )

    def _service(
        self,
        name: str,
        args: KubernetesAppArgs,
        deployment: pulumi.Resource,
        options: pulumi.ResourceOptions,
    ) -> k8s.core.v1.Service:
        # The network is there before and after it: its load balancer would keep the subnet from being deleted.
        needed = [deployment, args.network]
        if args.load_balancer.tls_secret:
            certificate = kubernetes.encode(args.tls_certificate)
            private_key = pulumi.Output.secret(kubernetes.encode(args.tls_private_key))
            manifest = kubernetes.tls_secret(args.app, args.load_balancer.tls_secret, certificate, private_key)
            needed.append(k8s.core.v1.Secret(f"{name}-tls", **_fields(manifest), opts=options))
        own = load_balancer_subnet(args.load_balancer.internal)
        subnet_id = args.subnet_id or args.network.subnet_ids[own]
        made = [args.network.security_group_ids[own]] if own in args.network.security_group_ids else []
        groups = [*made, *args.security_group_ids]
        # Each for itself, so that a preview shows, and policies see, all but the OCIDs.
        joined = pulumi.Output.all(*groups).apply(",".join) if groups else ""
        annotations = load_balancer.service_annotations(args.load_balancer, subnet_id, joined)
        return k8s.core.v1.Service(
            f"{name}-service",
            **_fields(kubernetes.service(args.app, args.load_balancer, annotations)),
            opts=self._options(
                args,
                depends_on=needed,
                # Neither can be changed on a load balancer that is there, and the cloud controller would not say so.
                replacement_trigger=[args.load_balancer.internal, subnet_id],
                delete_before_replace=True,
            ),
        )


def _fields(manifest: Manifest) -> dict[str, Any]:
    """A manifest as arguments of its resource class, which knows version and kind itself."""
    return {to_snake(key): value for key, value in manifest.items() if key not in ("apiVersion", "kind")}


def _told(manifest: Manifest, retained: bool) -> Manifest:
    """A manifest which says whether its data stay."""
    metadata = manifest["metadata"]
    return {**manifest, "metadata": {**metadata, "labels": {**metadata["labels"], **on_destroy(retained)}}}


def _encoded(files: Mapping[str, str]) -> dict[str, str]:
    return {name: kubernetes.encode(content) for name, content in files.items()}
