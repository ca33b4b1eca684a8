"""The app's image: built once for each platform, joined by an index, all pushed to the registry.

Owns what it pushed: with the resources the digests go from the registry, unless they are retained.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_docker_build as docker_build

from components.registry import Registry
from specs.registry import architecture, by_digest


@dataclass(frozen=True)
class AppImageArgs:
    """registry: where to push; context: folder with the Dockerfile; tag: of the index; platforms:
    "linux/<architecture>"; base_image: value of the build argument BASE_IMAGE; builder: buildx builder, "" for the
    current one; retain_images: keep what was pushed on destroy.
    """

    registry: Registry
    context: str
    tag: str
    platforms: Sequence[str]
    base_image: str
    builder: str = ""
    retain_images: bool = False


class AppImage(pulumi.ComponentResource):
    """reference: "<host>/<namespace>/<repository>@sha256:…" of the index; everything downstream runs this."""

    reference: pulumi.Output[str]

    def __init__(self, name: str, args: AppImageArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("containerised-app:image:AppImage", name, None, opts)
        child = pulumi.ResourceOptions(parent=self, retain_on_delete=args.retain_images)
        login = docker_build.RegistryArgs(
            address=args.registry.host, username=args.registry.username, password=args.registry.token
        )
        url = args.registry.repository_url
        images = [
            docker_build.Image(
                f"{name}-{architecture(platform)}",
                context=docker_build.BuildContextArgs(location=args.context),
                dockerfile=docker_build.DockerfileArgs(location=f"{args.context}/Dockerfile"),
                platforms=[docker_build.Platform(platform)],
                build_args={"BASE_IMAGE": args.base_image},
                tags=[pulumi.Output.concat(url, ":", args.tag, "-", architecture(platform))],
                registries=[login],
                builder=docker_build.BuilderConfigArgs(name=args.builder) if args.builder else None,
                push=True,
                # With the registry's url unknown it would not build anyway (source: pulumi-docker-build issue 252).
                build_on_preview=False,
                opts=child,
            )
            for platform in args.platforms
        ]
        index = docker_build.Index(
            f"{name}-index",
            tag=pulumi.Output.concat(url, ":", args.tag),
            sources=[image.ref for image in images],
            push=True,
            registry=login,
            opts=child,
        )
        self.reference = index.ref.apply(by_digest)
        self.register_outputs({"reference": self.reference})
