"""Load balancers: made by clusters for their Services (sandbox/kubernetes/load_balancers.py), by no resource type of a program.

One that was left behind by its cluster keeps its subnet from being deleted, as in the cloud.
"""

from __future__ import annotations

from sandbox.oci.declare import KEEP, UPDATE, Inputs, Reference, Table
from sandbox.oci.resource import Resource


class LoadBalancer(Resource):
    """A load balancer, told of by its record alone. private: service, cluster, holder and address."""

    type = "oci:LoadBalancer/loadBalancer:LoadBalancer"
    kind = "loadbalancer"
    title = "LoadBalancer"
    inputs = Inputs({"compartmentId": UPDATE, "displayName": UPDATE, "shape": UPDATE, "subnetIds": KEEP})
    references = Table(
        {"subnetIds": Reference(("subnet",)), "networkSecurityGroupIds": Reference(("networksecuritygroup",))}
    )


FOUND: tuple[Resource, ...] = (LoadBalancer(),)
