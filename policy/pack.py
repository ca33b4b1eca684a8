"""The policies, and how they become a policy pack of Pulumi's."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from pulumi_policy import EnforcementLevel, PolicyPack, ResourceValidationPolicy, StackValidationPolicy
from pulumi_policy import Policy as PulumiPolicy

from policy import compute, data, exceptions, handover, images, network, secrets, sizes, tags
from policy.rule import Policy, Resource, Stack

NAME = "containerised-app"

_ROOT = "pulumi:pulumi:Stack"

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
    bound = _Bound(policies)
    handover.complete(bound.configure)
    # A policy that has both checks is two of Pulumi's under one name, by which the engine tells policies apart only to configure them.
    PolicyPack(
        name=name,
        enforcement_level=EnforcementLevel.MANDATORY,
        policies=[
            *(bound.resource_policy(one) for one in policies if one.check),
            *(bound.stack_policy(one) for one in policies if one.check_stack),
        ],
    )


class _Bound:
    """The policies of one run, with the stack they are told of."""

    def __init__(self, policies: Sequence[Policy]) -> None:
        self.policies = policies
        self.stack = Stack()
        self.seen: dict[str, Resource] = {}
        self.told: list[str] = []
        # The engine's calls come on several threads.
        self.lock = threading.Lock()

    def configure(self, stack: Stack, config: Mapping[str, str]) -> None:
        self.told = []
        self.stack = replace(stack, exceptions=exceptions.read(config, self.policies, stack.name))

    def resource_policy(self, policy: Policy) -> PulumiPolicy:
        def validate(args: Any, report: Any) -> None:
            resource = self.seen[args.urn] = _resource(args)
            if policy.check and policy.name not in self.stack.exceptions:
                for complaint in policy.check(resource, self.stack):
                    report(self._message(policy, complaint))

        return ResourceValidationPolicy(name=policy.name, description=policy.asks, validate=validate)

    def stack_policy(self, policy: Policy) -> PulumiPolicy:
        def validate(args: Any, report: Any) -> None:
            if policy.check_stack and policy.name not in self.stack.exceptions:
                for complaint in policy.check_stack([self._whole(one) for one in args.resources], self.stack):
                    report(self._message(policy, complaint))

        return StackValidationPolicy(name=policy.name, description=policy.asks, validate=validate)

    def _message(self, policy: Policy, complaint: str) -> str:
        """With a place in the list of exceptions that neither the stack's file nor another policy's message has taken."""
        with self.lock:
            if policy.may_be_excepted and policy.name not in self.told:
                self.told.append(policy.name)
            before = self.told[: self.told.index(policy.name)] if policy.may_be_excepted else []
        return policy.message(complaint, self.stack.name, len(self.stack.exceptions) + len(before), before)

    def _whole(self, args: Any) -> Resource:
        """The engine gives a stack's policies outputs, which a preview does not know of what is in a cluster that is not there yet."""
        resource = _resource(args)
        given = self.seen[args.urn].inputs if args.urn in self.seen else {}
        return replace(
            resource,
            inputs={**resource.inputs, **given},
            outputs=resource.inputs,
            property_dependencies={
                name: [one.urn for one in args.property_dependencies.get(name, ())] for name in given
            },
        )


def _resource(args: Any) -> Resource:
    return Resource(
        type=args.resource_type,
        name=args.name,
        inputs=handover.plain(args.props),
        protect=bool(args.opts.protect),
        ignored=tuple(args.opts.ignore_changes),
        urn=args.urn,
        # They alone have no provider, but for what is the engine's own.
        is_component=not args.provider
        and (args.resource_type == _ROOT or not args.resource_type.startswith("pulumi:")),
    )
