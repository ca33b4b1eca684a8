"""Checks of single values, to be named in declarations."""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from typing import Any

from sandbox.oci.cloud import AVAILABILITY_DOMAINS
from sandbox.oci.declare import Check


def one_of(*choices: str, any_case: bool = False) -> Check:
    """The value is one of these."""

    def check(value: Any) -> str | None:
        known = value in choices or (any_case and value.lower() in [choice.lower() for choice in choices])
        return None if known else f"must be one of: {', '.join(choices)}"

    return check


def matches(pattern: str, meaning: str) -> Check:
    """The whole value matches."""

    def check(value: Any) -> str | None:
        return None if re.fullmatch(pattern, value) else f"must be {meaning}"

    return check


def between(low: float, high: float) -> Check:
    """A number within the bounds."""

    def check(value: Any) -> str | None:
        return None if low <= value <= high else f"must be between {low} and {high}"

    return check


def whole_text(low: int, high: int) -> Check:
    """A whole number as a string, as the OCI provider takes 64-bit numbers."""

    def check(value: Any) -> str | None:
        fits = re.fullmatch(r"\d+", value) and low <= int(value) <= high
        return None if fits else f'must be a whole number between {low} and {high} as a string, such as "{low}"'

    return check


def network(smallest: int, largest: int) -> Check:
    """An IPv4 CIDR without host bits and with a prefix within the bounds."""

    def check(value: Any) -> str | None:
        try:
            parsed = ipaddress.IPv4Network(value)
        except ValueError:
            parsed = None
        if parsed is None or "/" not in value:
            return "must be an IPv4 network without host bits, such as 10.0.0.0/16"
        return None if largest <= parsed.prefixlen <= smallest else f"must be a network of /{largest} to /{smallest}"

    return check


def base64_text(value: Any) -> str | None:
    """The value is base64."""
    try:
        base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return "must be base64"
    return None


# source: OCI documentation, "DNS in Your Virtual Cloud Network": letters and digits, a letter first, at most 15 of a subnet or VCN.
dns_label = matches(r"[A-Za-z][A-Za-z0-9]{0,14}", "1 to 15 letters and digits, a letter first")
# The same page: host names take hyphens too and at most 63 characters.
hostname_label = matches(
    r"[A-Za-z]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?",
    "a host name of at most 63 letters, digits and hyphens, a letter first",
)
availability_domain = one_of(*AVAILABILITY_DOMAINS, any_case=True)
display_name = matches(r"[\s\S]{1,255}", "1 to 255 characters")
port = between(1, 65535)
