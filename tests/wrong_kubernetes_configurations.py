"""Wrong configurations of target kubernetes; as tests/wrong_configurations.py, and `values` come on top of `BASE`."""

from __future__ import annotations

from typing import Any

from tests.wrong_configurations import SET, Wrong

BASE: dict[str, Any] = {"target": "kubernetes", "apiNetworks": ["203.0.113.7/32"]}
THEIRS = {"clusterId": "ocid1.cluster.oc1.x.theirs", "loadBalancerSubnetId": "ocid1.subnet.oc1.x.theirs"}
GROUPS = [f"ocid1.networksecuritygroup.oc1.x.{number}" for number in range(6)]
NOT_PEM = "-----BEGIN CERTIFICATE-----\nnonsense"

WRONG = [
    Wrong(
        "no API network", {"apiNetworks": []}, "apiNetworks", "is empty", SET + "--path 'apiNetworks[0]' 203.0.113.7/32"
    ),
    Wrong(
        "API from anywhere",
        {"apiNetworks": ["0.0.0.0/0"]},
        "apiNetworks[0]",
        "whole internet",
        SET + "--path 'apiNetworks[0]' 203.0.113.7/32",
    ),
    Wrong(
        "API network without prefix",
        {"apiNetworks": ["203.0.113.7"]},
        "apiNetworks[0]",
        "has no prefix",
        SET + "--path 'apiNetworks[0]' 203.0.113.7/32",
    ),
    Wrong(
        "cluster by name",
        {"clusterId": "mine"},
        "clusterId",
        "must be an OCID that begins with ocid1.cluster",
        SET + "clusterId ocid1.cluster.oc1.eu-frankfurt-1.example",
    ),
    Wrong(
        "own cluster, no subnet",
        {"clusterId": "ocid1.cluster.oc1.x.theirs"},
        "loadBalancerSubnetId",
        "is not set",
        SET + "loadBalancerSubnetId ocid1.subnet.oc1.eu-frankfurt-1.example",
    ),
    Wrong(
        "subnet in the stack's network",
        {"loadBalancerSubnetId": "ocid1.subnet.oc1.x.theirs"},
        "loadBalancerSubnetId",
        "is for a cluster of yours",
        SET + "loadBalancerSubnetId ''",
    ),
    Wrong(
        "private endpoint of the stack's cluster",
        {"privateApiEndpoint": True},
        "privateApiEndpoint",
        "is for a cluster of yours",
        SET + "privateApiEndpoint false",
    ),
    Wrong(
        "version without v",
        {"kubernetesVersion": "1.34"},
        "kubernetesVersion",
        "must be a version such as v1.34.1",
        SET + "kubernetesVersion v1.34.1",
    ),
    Wrong("no node", {"nodeCount": 0}, "nodeCount", "greater than or equal to 1", SET + "nodeCount 1"),
    Wrong(
        "two pods of one block volume",
        {"replicas": 2, "context": "docker/pypiserver"},
        "replicas",
        "on one node at a time",
        SET + "replicas 1",
    ),
    Wrong(
        "two pods of JupyterLab",
        {"replicas": 2, "accessMode": "ReadWriteMany", "storageClass": "files"},
        "replicas",
        "in one process",
        SET + "replicas 1",
    ),
    Wrong(
        "block volume for many",
        {"accessMode": "ReadWriteMany"},
        "accessMode",
        "block volumes",
        SET + "accessMode ReadWriteOnce",
    ),
    Wrong(
        "kept block volume for many",
        {
            "accessMode": "ReadWriteMany",
            "storageClass": "files",
            "dataVolumeId": "ocid1.volume.oc1.x.kept",
            "retainClaim": False,
        },
        "dataVolumeId",
        "is a block volume",
        SET + "dataVolumeId ''",
    ),
    Wrong(
        "unknown access mode", {"accessMode": "RWO"}, "accessMode", "'ReadWriteOnce'", SET + "accessMode ReadWriteOnce"
    ),
    Wrong(
        "storage class with capitals",
        {"storageClass": "OCI BV"},
        "storageClass",
        "must be the name of a storage class",
        SET + "storageClass oci-bv",
    ),
    Wrong(
        "bandwidth below the least",
        {"loadBalancerMinMbps": 5},
        "loadBalancerMinMbps",
        "greater than or equal to 10",
        SET + "loadBalancerMinMbps 10",
    ),
    Wrong(
        "bandwidth above the most",
        {"loadBalancerMaxMbps": 10000},
        "loadBalancerMaxMbps",
        "less than or equal to 8192",
        SET + "loadBalancerMaxMbps 10",
    ),
    Wrong(
        "most below least",
        {"loadBalancerMinMbps": 100, "loadBalancerMaxMbps": 50},
        "loadBalancerMaxMbps",
        "less than loadBalancerMinMbps 100",
        SET + "loadBalancerMaxMbps 100",
    ),
    Wrong(
        "unknown list mode",
        {"securityListManagementMode": "none"},
        "securityListManagementMode",
        "'None'",
        SET + "securityListManagementMode None",
    ),
    Wrong(
        "lists of the stack's network managed by another",
        {"securityListManagementMode": "All"},
        "securityListManagementMode",
        "this stack owns",
        SET + "securityListManagementMode None",
    ),
    Wrong(
        "five groups beside the stack's",
        {"loadBalancerSecurityGroupIds": GROUPS[:5]},
        "loadBalancerSecurityGroupIds",
        "one of which the stack makes",
        "pulumi config rm --path 'loadBalancerSecurityGroupIds[4]'",
    ),
    Wrong(
        "six groups",
        {**THEIRS, "loadBalancerSecurityGroupIds": GROUPS},
        "loadBalancerSecurityGroupIds",
        "has 6 groups",
        "pulumi config rm --path 'loadBalancerSecurityGroupIds[5]'",
    ),
    Wrong(
        "a group twice",
        {"loadBalancerSecurityGroupIds": [GROUPS[0], GROUPS[0]]},
        "loadBalancerSecurityGroupIds[1]",
        "is there twice",
        "pulumi config rm --path 'loadBalancerSecurityGroupIds[1]'",
    ),
    Wrong(
        "second group of another region",
        {"loadBalancerSecurityGroupIds": [GROUPS[0], "ocid1.networksecuritygroup.oc1.us-phoenix-1.mine"]},
        "loadBalancerSecurityGroupIds[1]",
        "is in the region us-phoenix-1",
        SET + "--path 'loadBalancerSecurityGroupIds[1]' '<OCID>'",
    ),
    Wrong(
        "group by name",
        {"loadBalancerSecurityGroupIds": ["mine"]},
        "loadBalancerSecurityGroupIds[0]",
        "must be an OCID that begins with ocid1.networksecuritygroup",
        SET + "--path 'loadBalancerSecurityGroupIds[0]' ocid1.networksecuritygroup.oc1.eu-frankfurt-1.example",
    ),
    Wrong(
        "idle for days",
        {"loadBalancerIdleTimeout": 100000},
        "loadBalancerIdleTimeout",
        "less than or equal to 7200",
        SET + "loadBalancerIdleTimeout 300",
    ),
    Wrong(
        "public without TLS",
        {"loadBalancerInternal": False},
        "loadBalancerInternal",
        "in the clear",
        SET + "loadBalancerInternal true",
    ),
    Wrong(
        "certificate without key",
        {"tlsCertificate": NOT_PEM},
        "tlsPrivateKey",
        "is not set",
        SET + "--secret tlsPrivateKey <key.pem",
    ),
    Wrong(
        "certificate that is none",
        {"tlsCertificate": NOT_PEM, "tlsPrivateKey": "nonsense"},
        "tlsCertificate",
        "is not a certificate",
        SET + "tlsCertificate <certificate.pem",
    ),
    Wrong(
        "VCN too small for a cluster",
        {"vcnCidr": "10.0.0.0/24"},
        "vcnCidr",
        "/16 to /22",
        SET + "vcnCidr 10.0.0.0/16",
    ),
    Wrong(
        "VCN among the pods",
        {"vcnCidr": "10.244.0.0/18"},
        "vcnCidr",
        "overlaps 10.244.0.0/16",
        SET + "vcnCidr 10.0.0.0/16",
    ),
    Wrong(
        "app takes a node's memory",
        {"appMemoryInGbs": 11},
        "appMemoryInGbs",
        "leave 3 GB to Kubernetes",
        SET + "appMemoryInGbs 9",
    ),
    Wrong(
        "no Arm for the nodes",
        {"platforms": ["linux/amd64"]},
        "platforms",
        "of the A1 nodes",
        SET + "--path 'platforms[0]' linux/arm64",
    ),
    Wrong(
        "load balancer for half of the internet",
        {"loadBalancerNetworks": ["0.0.0.0/1"]},
        "loadBalancerNetworks[0]",
        "1/2 of the whole internet",
        SET + "--path 'loadBalancerNetworks[0]' 10.0.0.0/16",
    ),
    Wrong("unknown target", {"target": "vm"}, "target", "must be instance or kubernetes", SET + "target kubernetes"),
]
