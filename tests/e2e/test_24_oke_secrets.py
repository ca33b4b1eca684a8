"""Password, hash, registry token and TLS key of a stack with a cluster are only in its Secrets."""

from __future__ import annotations

import base64
import json
import subprocess

import pytest

from sandbox import account, engine, paths
from tests.e2e.conftest import new_password
from tests.support.command_lines import CommandLines
from tests.support.pod import get, in_pod, kubectl, nodes
from tests.support.secret_search import Needles, Place, files, find_secret, text
from tests.support.stack import ROOT, Stack
from tests.unit.kubernetes_values import certificate

# Like test_07_secrets.py; tests read the cluster's etcd through its API.
SKIP = r"account/|venv/|bin/|go/|containers/|images/|buildkit/root/|pulumi/plugins/|registry/data/|cloud/volumes/"
STORE = r"cloud/machines/[^/]*/etcd/"


@pytest.fixture(scope="module")
def needles(oke: Stack, command_lines: CommandLines) -> Needles:
    """All secrets, after an `up` with new ones that printed plan and log in full."""
    pem, key = certificate()
    oke.configure(password=new_password(), tlsCertificate=pem, tlsPrivateKey=key)
    plan = oke.folder / "plan.json"
    oke.preview("--diff", "--save-plan", str(plan))
    oke.preview("--json")
    oke.up("--diff")
    content = in_pod(oke, "print(open('/etc/app-secrets/password-hash').read())")
    found = {
        f"secret {number}": secret for number, secret in enumerate(oke.secrets) if not secret.startswith("-----BEGIN")
    }
    # One line of the key, so line breaks do not matter.
    return Needles(
        {
            **found,
            "key": key.splitlines()[2],
            "hash": content.rpartition("$")[2].strip(),
            "token": account.registry_token(),
        }
    )


def test_no_secret_was_on_a_command_line_of_any_process(needles: Needles, command_lines: CommandLines) -> None:
    seen = command_lines.all_seen
    assert any(b"kube_token" in line for line in seen)
    assert any(b"kubelet" in line for line in seen)
    assert find_secret([Place("command lines", lambda: [line + b"\n" for line in seen])], needles) == []


def test_no_secret_is_in_plans_logs_outputs_or_the_output_of_the_cli(oke: Stack, needles: Needles) -> None:
    assert "[secret]" in oke.log
    shown = oke.pulumi("stack", "output", "--json").stdout
    places = [text("what the CLI printed", oke.log), text("outputs", shown), *files(oke.folder), *files(paths.LOG)]
    assert find_secret(places, needles) == []


def test_no_secret_is_in_the_plain_state(oke: Stack, needles: Needles) -> None:
    exported = json.dumps(oke.export())
    assert "jupyterlab-pull-secret" in exported
    assert "ciphertext" in exported
    assert find_secret([text("stack export", exported), *files(paths.BACKEND)], needles) == []


def test_no_token_for_the_cluster_is_in_the_state_or_in_a_kubeconfig(oke: Stack) -> None:
    # Every token starts with the URL of the signed request in base64.
    url = f"https://containerengine.{paths.REGION}.oraclecloud.com/cluster_request/{oke.output('clusterId')}"
    begun = base64.urlsafe_b64encode(url.encode()).decode()[:60]
    written = (ROOT / f".kubeconfig-{oke.name}").read_text()
    assert "kube-token" in written
    places = [text("kubeconfig", written), text("stack export", json.dumps(oke.export())), *files(paths.BACKEND)]
    assert find_secret([*places, text("what the CLI printed", oke.log)], Needles(token=begun)) == []


def test_cluster_stores_secrets_in_secret_objects_and_no_password(oke: Stack, needles: Needles) -> None:
    kinds = kubectl(oke, "api-resources", "--namespaced", "--verbs", "list", "--output", "name").split()
    others = ",".join(kind for kind in kinds if kind != "secrets")
    everything = kubectl(oke, "get", others, "--output", "yaml", "--show-managed-fields")
    assert "Deployment" in everything
    logs = kubectl(oke, "logs", "deployment/jupyterlab", "--tail=-1")
    assert find_secret([text("objects", everything), text("logs", logs)], needles) == []
    kept = {one["metadata"]["name"]: json.dumps(one) for one in get(oke, "secrets")["items"]}
    found = find_secret([text(name, content) for name, content in kept.items()], needles)
    [tls] = [name for name in kept if name.startswith("jupyterlab-tls-")]
    assert found == ["jupyterlab-files: hash", "jupyterlab-registry: token", f"{tls}: key"]


def test_no_secret_is_in_files_of_the_sandbox_except_etcd(needles: Needles) -> None:
    assert find_secret(files(paths.HOME, skip=f"{SKIP}|{STORE}"), needles) == []
    stores = [place for place in files(paths.CLOUD) if "/etcd/" in place.name]
    found = find_secret(stores, needles)
    assert found
    assert {place.rpartition(": ")[2] for place in found} <= {"hash", "token", "key"}


def test_no_secret_is_on_the_disk_of_the_node(oke: Stack, needles: Needles) -> None:
    [node] = nodes(oke)
    # Volumes of Secrets are in memory (tmpfs), which --one-file-system excludes.
    command = [
        "exec",
        node,
        "tar",
        "--create",
        "--one-file-system",
        "--exclude=*/io.containerd.*",
        "/var/lib/node",
        "/etc",
        "/tmp",
    ]
    done = subprocess.run(engine.command(*command), capture_output=True, check=False)
    assert len(done.stdout) > 10000
    assert find_secret([Place("node", lambda: [done.stdout])], needles) == []


def test_key_is_deleted_with_its_certificate(oke: Stack) -> None:
    oke.configure(tlsCertificate=None, tlsPrivateKey=None)
    oke.up()
    assert "kubernetes.io/tls" not in [one["type"] for one in get(oke, "secrets")["items"]]
