"""Explains to a person why an image could not be built or pushed."""

from __future__ import annotations

import pulumi
from pulumi.resource import DependencyResource

from components.registry import Registry
from specs.build_errors import Build, explain


def explained(
    name: str, registry: Registry, builder: str, base_image: str, sbom_scanner: str, context: str
) -> pulumi.ResourceHookBinding:
    """Hooks for the images and the index of one app. When one of them fails, the explanation is shown below the error, once for all
    that fail alike. Nothing is tried again.

    `name`: unique in the program; the rest as in AppImageArgs.
    """
    told: set[str] = set()

    async def on_error(args: pulumi.ErrorHookArgs) -> bool:
        inputs = args.new_inputs or args.old_inputs or {}
        explanation = explain(
            args.errors,
            Build(
                registry_host=registry.host,
                username=str(await registry.username.future()),
                builder=builder,
                base_image=base_image,
                sbom_scanner=sbom_scanner,
                context=context,
                platform=next(iter(inputs.get("platforms") or ()), ""),
            ),
        )
        if explanation and explanation not in told:
            told.add(explanation)
            pulumi.log.error(explanation, DependencyResource(args.urn))
        return False

    return pulumi.ResourceHookBinding(on_error=[pulumi.ErrorHook(f"{name}-build-failure", on_error)])
