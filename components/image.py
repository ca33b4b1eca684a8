"""The app's image: built once for each platform, joined by an index, all pushed to the registry.

Owns what it pushed: with the resources the digests go from the registry, unless they are retained.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pulumi
import pulumi_docker_build as docker_build

from components.build_failures import explained
from components.registry import Registry
from specs.build_context import lay_out
from specs.registry import architecture, by_digest

SOURCE_DATE_EPOCH = 315532800
"""1980-01-01, as docker/shared/python/finish.py has it for the files."""


@dataclass(frozen=True)
class AppImageArgs:
    """registry: where to push; context: folder with the Dockerfile; staging: folder in which the build contexts are laid out; tag: of
    the index; platforms: "linux/<architecture>"; base_image: value of the build argument BASE_IMAGE; builder: buildx builder, "" for the
    current one; retain_images: keep what was pushed on destroy.
    """

    registry: Registry
    context: str
    staging: str
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
        child = pulumi.ResourceOptions(
            parent=self,
            retain_on_delete=args.retain_images,
            hooks=explained(name, args.registry, args.builder, args.base_image, args.context),
        )
        login = docker_build.RegistryArgs(
            address=args.registry.host, username=args.registry.username, password=args.registry.token
        )
        url = args.registry.repository_url
        context = str(lay_out(Path(args.context), Path(args.staging, name)))
        build_args = {
            "BASE_IMAGE": args.base_image,
            # The same for every image, so that the builder runs what they share once (docker/README.md).
            "PLATFORMS": ",".join(args.platforms),
            # Of all times in the image and its history: the same inputs give the same digest.
            "SOURCE_DATE_EPOCH": str(SOURCE_DATE_EPOCH),
        }
        labels = {
            "org.opencontainers.image.title": name,
            "org.opencontainers.image.version": args.tag,
            "org.opencontainers.image.base.name": args.base_image,
        }
        images = [
            docker_build.Image(
                f"{name}-{architecture(platform)}",
                context=docker_build.BuildContextArgs(location=context),
                dockerfile=docker_build.DockerfileArgs(location=f"{context}/Dockerfile"),
                platforms=[docker_build.Platform(platform)],
                build_args=build_args,
                labels=labels,
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
