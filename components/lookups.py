"""What the cloud is asked for by more than one component."""

from __future__ import annotations

import pulumi
import pulumi_oci as oci

from specs import lookups
from specs.scope import Scope


def availability_domain(scope: Scope, opts: pulumi.InvokeOutputOptions) -> pulumi.Input[str]:
    """The scope's availability domain, or the tenancy's first in the region."""
    if scope.availability_domain:
        return scope.availability_domain
    domains = oci.identity.get_availability_domains_output(compartment_id=scope.tenancy_ocid, opts=opts)
    return domains.availability_domains.apply(lambda found: lookups.availability_domain([one.name for one in found]))
