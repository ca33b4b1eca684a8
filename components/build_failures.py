"""Explains to a person why an image could not be built or pushed."""

from __future__ import annotations

import pulumi
from pulumi.resource import DependencyResource

from components.registry import Registry
from settings.image import ImageSettings
from specs.build_errors import Build, explain


def explained(name: str, registry: Registry, image: ImageSettings, context: str) -> pulumi.ResourceHookBinding:
    """Hooks for the images and the index of one app: if one fails, the explanation is shown below the error, once for all that fail
    alike. Nothing is tried again.

    name: unique in the program; context: the app's folder.
    """
    shown: set[str] = set()

    async def on_error(args: pulumi.ErrorHookArgs) -> bool:
        inputs = args.new_inputs or args.old_inputs or {}
        explanation = explain(
            args.errors,
            Build(
                registry_host=registry.host,
                username=str(await registry.username.future()),
                builder=image.builder,
                base_image=image.base_image,
                sbom_scanner=image.sbom_scanner,
                context=context,
                platform=next(iter(inputs.get("platforms") or ()), ""),
            ),
        )
        if explanation and explanation not in shown:
            shown.add(explanation)
            pulumi.log.error(explanation, DependencyResource(args.urn))
        return False

    return pulumi.ResourceHookBinding(on_error=[pulumi.ErrorHook(f"{name}-build-failure", on_error)])
