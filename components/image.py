"""The app's image: built once for each platform, joined by an index, all pushed to the registry.

Owns what it pushed: deleting the resources deletes the digests from the registry, unless they are retained.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

import pulumi
import pulumi_docker_build as docker_build

from components.build_failures import explained
from components.registry import Registry
from settings.app import AppSettings
from settings.image import ImageSettings
from specs.build_context import lay_out, left_out
from specs.image import build_args, labels
from specs.registry import architecture, by_digest

CA_BUNDLE = "ca-bundle"
"""The id of the build secret that docker/shared/python/install_packages.py reads."""


@dataclass(frozen=True)
class AppImageArgs:
    """What the image is made of."""

    # Where to push.
    registry: Registry
    app: AppSettings
    image: ImageSettings
    # Folder in which the build contexts are laid out.
    staging: str


class AppImage(pulumi.ComponentResource):
    """reference: "<host>/<namespace>/<repository>@sha256:…" of the index; everything downstream runs this."""

    reference: pulumi.Output[str]

    def __init__(self, name: str, args: AppImageArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("containerised-app:image:AppImage", name, None, opts)
        child = pulumi.ResourceOptions(
            parent=self,
            retain_on_delete=args.registry.retain_images,
            hooks=explained(name, args.registry, args.image, args.app.context),
        )
        login = docker_build.RegistryArgs(
            address=args.registry.host, username=args.registry.username, password=args.registry.token
        )
        context = self._lay_out(name, args)
        images: list[docker_build.Image] = []
        for platform in args.image.platforms:
            # One after the other: the first builds and pushes what they share, and the others find it. Two at once would push the same
            # layer twice, which docker-registry 2.8 does not always survive ("blob unknown to registry").
            options = pulumi.ResourceOptions.merge(child, pulumi.ResourceOptions(depends_on=images[-1:]))
            images.append(_image(name, args, platform, context, login, options))
        index = docker_build.Index(
            f"{name}-index",
            tag=pulumi.Output.concat(args.registry.repository_url, ":", args.image.image_tag),
            sources=[image.ref for image in images],
            push=True,
            registry=login,
            opts=child,
        )
        self.reference = index.ref.apply(by_digest)
        self.register_outputs({"reference": self.reference})

    def _lay_out(self, name: str, args: AppImageArgs) -> str:
        """Lay out the build context, and return its folder."""
        for path in left_out(Path(args.app.context)):
            problem = "it is a link to nothing or to a folder around it, or no file"
            pulumi.log.warn(f"context: {path} is left out: {problem}", self)
        extra = Path(args.image.extra_requirements) if args.image.extra_requirements else None
        return str(lay_out(Path(args.app.context), Path(args.staging, name), extra))


def _image(
    name: str,
    args: AppImageArgs,
    platform: str,
    context: str,
    login: docker_build.RegistryArgs,
    opts: pulumi.ResourceOptions,
) -> docker_build.Image:
    url, image = args.registry.repository_url, args.image
    return docker_build.Image(
        f"{name}-{architecture(platform)}",
        context=docker_build.BuildContextArgs(location=context),
        dockerfile=docker_build.DockerfileArgs(location=f"{context}/Dockerfile"),
        platforms=[docker_build.Platform(platform)],
        build_args=build_args(image.platforms, image.base_image, image.attestations),
        labels=labels(name, image.image_tag, image.base_image),
        tags=[pulumi.Output.concat(url, ":", image.image_tag, "-", architecture(platform))],
        registries=[login],
        secrets={CA_BUNDLE: image.ca_bundle} if image.ca_bundle else None,
        # The bundle decides what the build trusts, not what is in the image.
        ignore_secrets_in_diff_calculation=[CA_BUNDLE],
        **_registry_cache(pulumi.Output.concat(url, ":cache-", architecture(platform))),
        builder=docker_build.BuilderConfigArgs(name=image.builder) if image.builder else None,
        push=True,
        # While the registry's url is unknown it would not build anyway (source: pulumi-docker-build issue 252).
        build_on_preview=False,
        opts=opts,
    )


class _Cache(TypedDict):
    cache_from: list[docker_build.CacheFromArgs]
    cache_to: list[docker_build.CacheToArgs]


def _registry_cache(reference: pulumi.Output[str]) -> _Cache:
    """What a builder that never built this image, such as a new CI runner, reuses. mode=max: the steps that install the packages too.
    With only the image's layers it installs all of them again after a change that was undone (seen with buildkit 0.31). As an image
    manifest, since registries need not know the older format.
    """
    return {
        "cache_from": [docker_build.CacheFromArgs(registry=docker_build.CacheFromRegistryArgs(ref=reference))],
        "cache_to": [
            docker_build.CacheToArgs(
                registry=docker_build.CacheToRegistryArgs(
                    ref=reference, mode=docker_build.CacheMode.MAX, image_manifest=True, oci_media_types=True
                )
            )
        ],
    }
