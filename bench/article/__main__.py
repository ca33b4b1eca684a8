"""The reference article's way: a plain Dockerfile, built for one platform after the other, each under its own platform."""

from __future__ import annotations

import os
from pathlib import Path

import pulumi
import pulumi_docker_build as docker_build
import pulumi_oci as oci

config = pulumi.Config()
repository = oci.artifacts.ContainerRepository(
    "repository", compartment_id=config.require("compartmentId"), display_name="bench-article"
)
url = pulumi.Output.concat(config.require("host"), "/", config.require("namespace"), "/", repository.display_name)
login = docker_build.RegistryArgs(
    address=config.require("host"),
    username=config.require("username"),
    password=pulumi.Output.secret(os.environ["ARTICLE_REGISTRY_TOKEN"]),
)
images: list[docker_build.Image] = []
for architecture in ("arm64", "amd64"):
    image = docker_build.Image(
        architecture,
        # The app's folder, for its locked packages.
        context=docker_build.BuildContextArgs(location=config.require("context")),
        dockerfile=docker_build.DockerfileArgs(location=str(Path(__file__).with_name("Dockerfile"))),
        platforms=[docker_build.Platform(f"linux/{architecture}")],
        build_args={"BASE_IMAGE": config.require("baseImage")},
        tags=[pulumi.Output.concat(url, ":", architecture)],
        registries=[login],
        builder=docker_build.BuilderConfigArgs(name=config.require("builder")),
        push=True,
        build_on_preview=False,
        opts=pulumi.ResourceOptions(depends_on=images[-1:]),
    )
    images.append(image)
docker_build.Index(
    "index",
    tag=pulumi.Output.concat(url, ":latest"),
    sources=[image.ref for image in images],
    push=True,
    registry=login,
)
