"""The kinds of change in pull requests, each as the program before and after, for test_review.py."""

from __future__ import annotations

from dataclasses import dataclass

BASE = """
    vcn = oci.core.Vcn("vcn", compartment_id=TENANCY, cidr_blocks=["10.0.0.0/16"], display_name="first")
    repository = oci.artifacts.ContainerRepository("repository", compartment_id=TENANCY, display_name="team/app")
"""
SUBNET = """
    subnet = oci.core.Subnet("subnet", compartment_id=TENANCY, vcn_id=vcn.id, cidr_block="10.0.0.0/24")
"""
VOLUME = """
    oci.core.Volume(
        "data",
        compartment_id=TENANCY,
        availability_domain="Sndb:EU-FRANKFURT-1-AD-1",
        size_in_gbs="50",
        opts=pulumi.ResourceOptions(retain_on_delete=True),
    )
"""
GROUP = """
    group = oci.core.NetworkSecurityGroup("group", compartment_id=TENANCY, vcn_id=vcn.id)
"""
COMPONENT = """
    part = pulumi.ComponentResource("cloud:index:Part", "part")
    opts = pulumi.ResourceOptions(parent=part, aliases=[pulumi.Alias(parent=pulumi.ROOT_STACK_RESOURCE)])
    vcn = oci.core.Vcn("vcn", compartment_id=TENANCY, cidr_blocks=["10.0.0.0/16"], display_name="first", opts=opts)
    repository = oci.artifacts.ContainerRepository("repository", compartment_id=TENANCY, display_name="team/app")
"""
OTHER_PROVIDER = """
    mine = oci.Provider("mine", region="eu-frankfurt-1", tenancy_ocid=TENANCY, user_ocid="ocid1.user.oc1..sandbox")
"""


def with_options(program: str, options: str) -> str:
    """BASE with options for the repository."""
    return program.replace(
        'display_name="team/app"', f'display_name="team/app", opts=pulumi.ResourceOptions({options})'
    )


@dataclass(frozen=True)
class PullRequest:
    """before, after: programs; shown: (heading, name) in the summary; words: other text in it."""

    before: str
    after: str
    shown: frozenset[tuple[str, str]]
    words: tuple[str, ...] = ()


def pull_request(before: str, after: str, *shown: tuple[str, str], words: tuple[str, ...] = ()) -> PullRequest:
    """Return one kind of change."""
    return PullRequest(before, after, frozenset(shown), words)


KINDS = {
    "a resource is created": pull_request(BASE, BASE + SUBNET, ("Created", "subnet"), words=("`10.0.0.0/24`",)),
    "a property is changed": pull_request(
        BASE,
        BASE.replace('"first"', '"second"'),
        ("Changed", "vcn"),
        words=("`displayName`: `first` → `second`",),
    ),
    "a property forces a replacement": pull_request(
        BASE,
        BASE.replace("team/app", "team/other"),
        ("Replaced", "repository"),
        words=(
            "`displayName`: `team/app` → `team/other`**, which causes the replacement**",
            "> **Data is deleted:**",
            "> - **`repository`** (`oci:ContainerRepository`), a repository with its images, is replaced",
        ),
    ),
    "a replacement deletes first": pull_request(
        with_options(BASE, "delete_before_replace=True"),
        with_options(BASE, "delete_before_replace=True").replace("team/app", "team/other"),
        ("Replaced", "repository"),
        words=("the old one is deleted first",),
    ),
    "a replacement includes its dependents": pull_request(
        BASE.replace('"first"', '"first", opts=pulumi.ResourceOptions(delete_before_replace=True)') + GROUP,
        BASE.replace('"first"', '"first", dns_label="new", opts=pulumi.ResourceOptions(delete_before_replace=True)')
        + GROUP,
        ("Replaced", "vcn"),
        ("Replaced", "group"),
        words=("`dnsLabel`", "it follows a resource that is replaced"),
    ),
    "a resource is deleted": pull_request(BASE + SUBNET, BASE, ("Deleted", "subnet")),
    "a resource is kept but no longer managed": pull_request(
        BASE + VOLUME,
        BASE,
        ("Kept in the cloud", "data"),
        words=("> **Data stays in the cloud", "`pulumi config set dataVolumeId ocid1.volume."),
    ),
    "a replaced resource is kept": pull_request(
        BASE + VOLUME,
        BASE + VOLUME.replace("AD-1", "AD-2"),
        ("Replaced", "data"),
        words=("the old one is kept in the cloud", "`pulumi config set dataVolumeId ocid1.volume."),
    ),
    "a kept resource is adopted": pull_request(
        BASE + VOLUME,
        BASE + VOLUME.replace("retain_on_delete=True", 'retain_on_delete=True, import_="KEPT"'),
        ("Adopted", "data"),
    ),
    "a resource is renamed": pull_request(
        BASE,
        BASE.replace('Vcn("vcn"', 'Vcn("net"').replace(
            '"first"', '"first", opts=pulumi.ResourceOptions(aliases=[pulumi.Alias(name="vcn")])'
        ),
        ("Moved", "net"),
        words=("was `oci:Core/vcn:Vcn::vcn`",),
    ),
    "a resource is moved into a component": pull_request(
        BASE,
        COMPONENT,
        ("Created", "part"),
        ("Moved", "vcn"),
    ),
    "a resource gets another provider": pull_request(
        BASE,
        OTHER_PROVIDER + with_options(BASE, "provider=mine"),
        ("Created", "mine"),
        ("Moved", "repository"),
        words=("its provider was `default_", "now is `mine`"),
    ),
    "a secret is changed": pull_request(
        BASE.replace('"first"', 'pulumi.Output.secret("hidden-before")'),
        BASE.replace('"first"', 'pulumi.Output.secret("hidden-after")'),
        ("Changed", "vcn"),
        words=("`displayName`: `[secret]` → `[secret]`",),
    ),
    "a change is ignored": pull_request(
        with_options(BASE, 'ignore_changes=["displayName"]'),
        with_options(BASE, 'ignore_changes=["displayName"]').replace("team/app", "team/other"),
        words=("**Nothing changes**",),
    ),
    "a change is made a replacement": pull_request(
        BASE.replace('"first"', '"first", opts=pulumi.ResourceOptions(replace_on_changes=["displayName"])'),
        BASE.replace('"first"', '"second", opts=pulumi.ResourceOptions(replace_on_changes=["displayName"])'),
        ("Replaced", "vcn"),
        words=("`displayName`: `first` → `second`**, which causes the replacement**",),
    ),
    "a value is known only afterwards": pull_request(
        BASE + GROUP,
        BASE
        + 'other = oci.core.Vcn("other", compartment_id=TENANCY, cidr_blocks=["10.1.0.0/16"])'.join(["    ", "\n"])
        + GROUP.replace("vcn.id", "other.id"),
        ("Created", "other"),
        ("Replaced", "group"),
        words=("`vcnId`: `ocid1.vcn.", "→ `[unknown until up]`**, which causes the replacement**"),
    ),
    "a resource is protected": pull_request(
        BASE,
        with_options(BASE, "protect=True"),
        ("Moved", "repository"),
        words=("protected from now on",),
    ),
    "a resource is to be kept from now on": pull_request(
        BASE,
        with_options(BASE, "retain_on_delete=True"),
        ("Moved", "repository"),
        words=("will be kept when it is deleted",),
    ),
}
