"""The host's Debian or Ubuntu: release, package sources, trusted authorities. The sandbox's images use the same packages."""

from __future__ import annotations

import hashlib
import json
import platform
import shlex
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

from sandbox import paths
from sandbox.process import SandboxError, privileged, run, write_if_changed

CA_BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")
_ARCHIVES = {"debian": "Debian", "ubuntu": "Ubuntu"}
# Ubuntu's mirror of all architectures except amd64 and i386 (source: ports.ubuntu.com).
_UBUNTU_PORTS = "http://ports.ubuntu.com/ubuntu-ports/"
# The base image gets the newest one of the release; the locked requirements of the apps are for 3.11 and later.
_PYTHONS = ("3.14", "3.13", "3.12", "3.11")


@dataclass(frozen=True)
class Source:
    """One package archive, as in sources.list(5)."""

    uri: str
    suite: str
    components: list[str]

    def line(self, keyring: str) -> str:
        """Return the line of sources.list(5); keyring: a file, or "" for apt's default keys."""
        signed = f"[signed-by={keyring}] " if keyring else ""
        return f"deb {signed}{self.uri} {self.suite} {' '.join(self.components)}"


@dataclass(frozen=True)
class Distribution:
    """name: "debian" or "ubuntu"; architecture: of the host, in Debian's words; python: the newest suitable version, such as "3.11", or "";
    netavark: whether the release has podman's newer network; keyring: a file, or "".
    """

    name: str
    codename: str
    architecture: str
    keyring: str
    archives: list[Source]
    python: str
    netavark: bool

    def sources(self, architecture: str) -> list[str]:
        """Return the host's package sources for an architecture, as lines of sources.list(5)."""
        elsewhere = self.name == "ubuntu" and architecture not in ("amd64", "i386", self.architecture)
        lines = (
            (Source(_UBUNTU_PORTS, one.suite, one.components) if elsewhere else one).line(self.keyring)
            for one in self.archives
        )
        return list(dict.fromkeys(lines))


@cache
def this() -> Distribution:
    """Return the host's distribution. Raises SandboxError if it is neither Debian nor Ubuntu, or if apt has no packages.

    The result is cached until apt's configuration changes, because apt takes a second.
    """
    kept, wanted = paths.STAMPS / "distribution.json", _fingerprint()
    try:
        record = json.loads(kept.read_text())
        if record["of"] == wanted:
            archives = [Source(**one) for one in record["is"].pop("archives")]
            return Distribution(**record["is"], archives=archives)
    except (OSError, ValueError, KeyError, TypeError):
        pass
    found = _ask()
    write_if_changed(kept, json.dumps({"of": wanted, "is": asdict(found)}))
    return found


def _fingerprint() -> str:
    digest = hashlib.sha256(Path(__file__).read_bytes())
    apt = Path("/etc/apt")
    for file in (Path("/etc/os-release"), apt / "sources.list", *sorted((apt / "sources.list.d").glob("*"))):
        digest.update(file.read_bytes() if file.is_file() else b"")
    return digest.hexdigest()


def _ask() -> Distribution:
    fields = platform.freedesktop_os_release()
    name = fields.get("ID", "")
    if name not in _ARCHIVES:
        raise SandboxError(
            f"the sandbox needs Debian or Ubuntu; this is {fields.get('PRETTY_NAME', name or 'neither')}"
        )
    architecture = run(["dpkg", "--print-architecture"]).stdout.strip()
    if not (archives := _archives(_ARCHIVES[name], architecture)):
        # apt-get update also fails if only a third-party source is unreachable, so its status is ignored.
        run(privileged(["apt-get", "update", "-q"]), check=False)
        archives = _archives(_ARCHIVES[name], architecture)
    if not archives:
        raise SandboxError(f"apt has no {name} packages; fix its sources until `apt-get update` works")
    keyring = Path(f"/usr/share/keyrings/{name}-archive-keyring.gpg")
    names = set(run(["apt-cache", "pkgnames"]).stdout.split())
    return Distribution(
        name=name,
        codename=fields["VERSION_CODENAME"],
        architecture=architecture,
        keyring=str(keyring) if keyring.exists() else "",
        archives=archives,
        python=next((version for version in _PYTHONS if f"python{version}-venv" in names), ""),
        netavark="netavark" in names,
    )


def _archives(origin: str, architecture: str) -> list[Source]:
    # apt reads its sources in all formats; Origin is the name that the archive gives itself.
    wanted = "$(ORIGIN)|$(ARCHITECTURE)|$(REPO_URI)|$(RELEASE)|$(COMPONENT)"
    found: dict[tuple[str, str], list[str]] = {}
    for line in run(["apt-get", "indextargets", "--format", wanted, "Created-By: Packages"]).stdout.splitlines():
        of, its_architecture, uri, suite, component = line.split("|")
        components = (
            found.setdefault((uri, suite), []) if (of, its_architecture) == (origin, architecture) else [component]
        )
        if component not in components:
            components.append(component)
    return [Source(uri, suite, components) for (uri, suite), components in found.items()]


def acquire_options() -> list[str]:
    """Return apt's proxy and certificate settings (apt.conf(5)), for apt runs that do not read /etc/apt."""
    wanted = ("::Proxy", "::CaInfo", "::Verify", "::SslCert", "::SslKey")
    lines = run(["apt-config", "dump"]).stdout.splitlines()
    return [line for line in lines if line.startswith("Acquire::http") and any(word in line for word in wanted)]


def own_certificates() -> list[Path]:
    """Return the certificates of authorities that were added to this host, such as a proxy's."""
    return sorted(Path("/usr/local/share/ca-certificates").rglob("*.crt"))


def words(text: str) -> list[str]:
    """Split a list of packages with comments (#)."""
    return shlex.split(text, comments=True)
