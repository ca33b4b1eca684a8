"""All policies as a Pulumi policy pack."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from pulumi_policy import EnforcementLevel, PolicyPack, ResourceValidationPolicy, StackValidationPolicy
from pulumi_policy import Policy as PulumiPolicy

from policy import compute, data, exceptions, images, network, protocol, secrets, sizes, tags
from policy.rule import Policy, Resource, Stack
from specs.resource_types import ROOT

NAME = "containerised-app"


POLICIES: tuple[Policy, ...] = (
    *network.POLICIES,
    *images.POLICIES,
    *secrets.POLICIES,
    *compute.POLICIES,
    *data.POLICIES,
    *tags.POLICIES,
    *sizes.POLICIES,
)


def serve(policies: Sequence[Policy], name: str = NAME) -> None:
    """Answer the engine until it ends this process. All policies are mandatory."""
    run = Run(policies)
    protocol.extend(run.configure)
    # A policy with both checks becomes two of Pulumi's with one name. The engine uses the name only to configure them.
    PolicyPack(
        name=name,
        enforcement_level=EnforcementLevel.MANDATORY,
        policies=[
            *(run.resource_policy(one) for one in policies if one.check),
            *(run.stack_policy(one) for one in policies if one.check_stack),
        ],
    )


class Run:
    """The policies in one preview or update."""

    def __init__(self, policies: Sequence[Policy]) -> None:
        self.policies = policies
        self.stack = Stack()
        self.seen: dict[str, Resource] = {}
        self.violated: list[str] = []
        # The engine calls on several threads.
        self.lock = threading.Lock()

    def configure(self, stack: Stack, config: Mapping[str, str]) -> None:
        """Start with this stack."""
        self.violated = []
        self.stack = replace(stack, exceptions=exceptions.read(config, self.policies, stack.name))

    def resource_policy(self, policy: Policy) -> PulumiPolicy:
        """Pulumi's policy that checks each resource."""

        def validate(args: Any, report: Any) -> None:
            found = self.seen[args.urn] = resource(args)
            if policy.check and policy.name not in self.stack.exceptions:
                for violation in policy.check(found, self.stack):
                    report(self.message(policy, violation))

        return ResourceValidationPolicy(name=policy.name, description=policy.asks, validate=validate)

    def stack_policy(self, policy: Policy) -> PulumiPolicy:
        """Pulumi's policy that checks all resources at the end."""

        def validate(args: Any, report: Any) -> None:
            if policy.check_stack and policy.name not in self.stack.exceptions:
                for violation in policy.check_stack([self.complete(one) for one in args.resources], self.stack):
                    report(self.message(policy, violation))

        return StackValidationPolicy(name=policy.name, description=policy.asks, validate=validate)

    def message(self, policy: Policy, violation: str) -> str:
        """The message, with a place in the list of exceptions that neither the stack's file nor another message uses."""
        with self.lock:
            if policy.may_be_excepted and policy.name not in self.violated:
                self.violated.append(policy.name)
            before = self.violated[: self.violated.index(policy.name)] if policy.may_be_excepted else []
        return policy.message(violation, self.stack.name, len(self.stack.exceptions) + len(before), before)

    def complete(self, args: Any) -> Resource:
        """The resource with inputs and outputs. At the end the engine sends only outputs, and a preview does not know all of them."""
        result = resource(args)
        inputs = self.seen[args.urn].inputs if args.urn in self.seen else {}
        return replace(
            result,
            inputs={**result.inputs, **inputs},
            outputs=result.inputs,
            property_dependencies={
                name: [one.urn for one in args.property_dependencies.get(name, ())] for name in inputs
            },
        )


def resource(args: Any) -> Resource:
    """A resource as pulumi-policy describes it."""
    return Resource(
        type=args.resource_type,
        name=args.name,
        inputs=protocol.plain(args.props),
        protect=bool(args.opts.protect),
        ignored=tuple(args.opts.ignore_changes),
        urn=args.urn,
        # Only components and the engine's own resources have no provider.
        is_component=not args.provider and (args.resource_type == ROOT or not args.resource_type.startswith("pulumi:")),
    )
