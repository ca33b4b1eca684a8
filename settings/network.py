"""The network's range, for both targets."""

from __future__ import annotations

import ipaddress
from typing import Annotated

from pydantic import AfterValidator, Field

from settings.key import Section, key
from specs.checks import cidr, own_network

# For editors alone: the checks say more exactly what is wrong.
IPV4_NETWORK = Field(
    json_schema_extra={
        "pattern": r"^[0-9]{1,3}(\.[0-9]{1,3}){3}/[0-9]{1,2}$",
        "patternErrorMessage": "must be an IPv4 network such as 10.0.0.0/16",
    }
)
Cidr = Annotated[str, AfterValidator(cidr), IPV4_NETWORK]
# From which people connect.
OwnNetwork = Annotated[str, AfterValidator(own_network), IPV4_NETWORK]


class NetworkSettings(Section):
    """The network."""

    vcn_cidr: Cidr = key(
        "10.0.0.0/16",
        "Address range of the VCN. For a cluster at least /22, and outside its pods' and Services' (10.244.0.0/16, 10.96.0.0/16).",
    )

    @property
    def vcn(self) -> ipaddress.IPv4Network:
        """The VCN's range."""
        return ipaddress.IPv4Network(self.vcn_cidr)
