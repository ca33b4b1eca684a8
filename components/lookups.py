"""What the cloud is asked for by more than one component."""

from __future__ import annotations

import pulumi
import pulumi_oci as oci

from specs.lookups import availability_domain
from specs.scope import Scope


def domain_or_first(name: str, scope: Scope, opts: pulumi.InvokeOutputOptions) -> pulumi.Input[str]:
    """The availability domain of this name, or the tenancy's first in the region if `name` is ""."""
    if name:
        return name
    domains = oci.identity.get_availability_domains_output(compartment_id=scope.tenancy_ocid, opts=opts)
    return domains.availability_domains.apply(lambda found: availability_domain([one.name for one in found]))
