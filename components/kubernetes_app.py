"""The app in the cluster: its namespace, secrets, data, pods, and the load balancer in front.

Owns all of them. With `retain_claim` namespace and claim stay when the stack goes, and with the claim the volume behind it, which a
storage class like oci-bv would otherwise delete.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pulumi
import pulumi_kubernetes as k8s
from pydantic.alias_generators import to_snake

from components.bound_volume import bound_volume
from components.cluster import Cluster
from components.network import Network
from components.registry import Registry
from specs import kubernetes, load_balancer
from specs.app_spec import AppSpec
from specs.cluster import load_balancer_subnet
from specs.kubernetes import Manifest
from specs.load_balancer import LoadBalancerSpec

TIMEOUTS = pulumi.CustomTimeouts(*[f"{kubernetes.ROLLOUT_TIMEOUT_SECONDS}s"] * 2)
"""Of the Deployment's creates and updates."""


@dataclass(frozen=True)
class KubernetesAppArgs:
    """What the app in the cluster is made of."""

    cluster: Cluster
    # For the load balancer's subnet and security group.
    network: Network
    registry: Registry
    # Reference by digest.
    image: pulumi.Input[str]
    app: AppSpec
    load_balancer: LoadBalancerSpec
    # Name to content.
    secret_files: Mapping[str, str] = field(repr=False)


class KubernetesApp(pulumi.ComponentResource):
    """The running app, there once its pods are ready; load_balancer_address: IP address, internal by default;
    data_volume_id: OCID of the block volume behind the claim, "" while there is none.
    """

    load_balancer_address: pulumi.Output[str]
    data_volume_id: pulumi.Output[str]

    def __init__(self, name: str, args: KubernetesAppArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("containerised-app:kubernetes_app:KubernetesApp", name, None, opts)
        app, balancer = args.app, args.load_balancer.settings
        subnet = load_balancer_subnet(balancer.load_balancer_internal)
        subnet_id = balancer.load_balancer_subnet_id or args.network.subnet_ids[subnet]
        made = kubernetes.manifests(app, args.load_balancer, _content(args, subnet_id, subnet))
        namespace = k8s.core.v1.Namespace(
            f"{name}-namespace", **_fields(made["namespace"]), opts=self._options(args, retain_on_delete=app.retained)
        )
        inside = self._options(args, namespace)
        secrets = [
            k8s.core.v1.Secret(f"{name}-{one}", **_fields(made[one]), opts=inside) for one in ("pull-secret", "files")
        ]
        kept = self._options(args, namespace, retain_on_delete=app.retained)
        claim = k8s.core.v1.PersistentVolumeClaim(f"{name}-claim", **_fields(made["claim"]), opts=kept)
        before_pods = [
            *secrets,
            claim,
            *([self._volume(name, args, made["volume"], claim)] if "volume" in made else []),
            # No pod runs without the policy.
            k8s.networking.v1.NetworkPolicy(f"{name}-network-policy", **_fields(made["network-policy"]), opts=inside),
        ]
        deployment = k8s.apps.v1.Deployment(
            f"{name}-deployment",
            **_fields(made["deployment"]),
            opts=self._options(args, *before_pods, custom_timeouts=TIMEOUTS),
        )
        # The network is made before and deleted after it: the load balancer would keep the subnet from being deleted.
        before_service: list[pulumi.Resource] = [deployment, args.network]
        if "tls" in made:
            before_service.append(k8s.core.v1.Secret(f"{name}-tls", **_fields(made["tls"]), opts=inside))
        # Nothing changes either on an existing load balancer, and the cloud controller would not say so.
        trigger = [balancer.load_balancer_internal, subnet_id]
        options = self._options(args, *before_service, replacement_trigger=trigger, delete_before_replace=True)
        service = k8s.core.v1.Service(f"{name}-service", **_fields(made["service"]), opts=options)
        self.load_balancer_address = service.status.apply(load_balancer.address)
        self.data_volume_id = _data_volume_id(args, claim, deployment)
        outputs = {"load_balancer_address": self.load_balancer_address, "data_volume_id": self.data_volume_id}
        self.register_outputs(outputs)

    def _options(self, args: KubernetesAppArgs, *needs: pulumi.Resource, **more: Any) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self, provider=args.cluster.provider, depends_on=list(needs), **more)

    def _volume(
        self, name: str, args: KubernetesAppArgs, manifest: Manifest, claim: k8s.core.v1.PersistentVolumeClaim
    ) -> k8s.core.v1.PersistentVolume:
        # The uid without the dependency: a destroy deletes both at once, since Kubernetes keeps a bound volume as long as its claim.
        uid = claim.metadata.uid
        manifest["spec"]["claimRef"]["uid"] = pulumi.Output(set(), uid.future(with_unknowns=True), uid.is_known())
        return k8s.core.v1.PersistentVolume(
            f"{name}-volume", **_fields(manifest), opts=self._options(args, retain_on_delete=args.app.retained)
        )


def _data_volume_id(
    args: KubernetesAppArgs, claim: k8s.core.v1.PersistentVolumeClaim, deployment: k8s.apps.v1.Deployment
) -> pulumi.Output[str]:
    """OCID of the volume behind the claim. The cluster makes it for the first pod, and the claim in the state does not name it."""
    app = args.app
    return pulumi.Output.all(args.cluster.kubeconfig, claim.id, deployment.id).apply(
        lambda values: app.volume_id or bound_volume(values[0], app.namespace, app.claim)
    )


def _content(args: KubernetesAppArgs, subnet_id: pulumi.Input[str], subnet: str) -> kubernetes.Content:
    """What the manifests hold beside the configuration. subnet: name of the load balancer's subnet in the stack's network."""
    registry, balancer = args.registry, args.load_balancer.settings
    login = pulumi.Output.all(registry.username, registry.token).apply(
        lambda values: kubernetes.docker_config(registry.host, *values)
    )
    made = [args.network.security_group_ids[subnet]] if subnet in args.network.security_group_ids else []
    groups = [*made, *balancer.load_balancer_security_group_ids]
    # Joined apart from the other annotations, so that previews and policies see those.
    joined = pulumi.Output.all(*groups).apply(",".join) if groups else ""
    return kubernetes.Content(
        image=args.image,
        registry_login=pulumi.Output.secret(login),
        files=pulumi.Output.secret({file: kubernetes.encode(text) for file, text in args.secret_files.items()}),
        tls_certificate=kubernetes.encode(balancer.tls_certificate),
        tls_private_key=pulumi.Output.secret(kubernetes.encode(balancer.tls_private_key)),
        annotations=load_balancer.service_annotations(args.load_balancer, subnet_id, joined),
    )


def _fields(manifest: Manifest) -> dict[str, Any]:
    """A manifest as arguments of its resource class, which has version and kind already."""
    return {to_snake(key): value for key, value in manifest.items() if key not in ("apiVersion", "kind")}
