"""The Debian or Ubuntu this host runs: its release, its package sources, what it trusts. Images are made of the same packages."""

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
# Ubuntu serves all but amd64 and i386 from another mirror (source: ports.ubuntu.com).
_UBUNTU_PORTS = "http://ports.ubuntu.com/ubuntu-ports/"
# The newest of these which the release has goes into the base image; the apps' locked requirements are for 3.11 and later.
_PYTHONS = ("3.14", "3.13", "3.12", "3.11")


@dataclass(frozen=True)
class Source:
    """One archive of packages: as in sources.list(5)."""

    uri: str
    suite: str
    components: list[str]

    def line(self, keyring: str) -> str:
        """Its line in sources.list(5); `keyring` is a file, or "" for those that apt trusts anyway."""
        signed = f"[signed-by={keyring}] " if keyring else ""
        return f"deb {signed}{self.uri} {self.suite} {' '.join(self.components)}"


@dataclass(frozen=True)
class Distribution:
    """name: "debian" or "ubuntu"; architecture: Debian's name of the host's; python: the newest the release has of those wanted, "3.11",
    or ""; netavark: does it have podman's newer network; keyring: a file, or "".
    """

    name: str
    codename: str
    architecture: str
    keyring: str
    archives: list[Source]
    python: str
    netavark: bool

    def sources(self, architecture: str) -> list[str]:
        """The host's package sources for this architecture, as lines of sources.list(5)."""
        elsewhere = self.name == "ubuntu" and architecture not in ("amd64", "i386", self.architecture)
        lines = (
            (Source(_UBUNTU_PORTS, one.suite, one.components) if elsewhere else one).line(self.keyring)
            for one in self.archives
        )
        return list(dict.fromkeys(lines))


@cache
def this() -> Distribution:
    """What this host runs. Raises SandboxError on anything that is neither Debian nor Ubuntu, or where apt knows no package.

    apt takes a second to ask, so the answer is kept until its configuration changes.
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
        # A source of somebody else's that cannot be reached fails this too: what counts is what is there afterwards.
        run(privileged(["apt-get", "update", "-q"]), check=False)
        archives = _archives(_ARCHIVES[name], architecture)
    if not archives:
        raise SandboxError(f"apt knows no source of {name} packages: `apt-get update` must work first")
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
    # apt itself reads its sources, whichever of its formats they are written in; Origin is the archive's own word.
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
    """The host's proxy and certificate settings of apt (apt.conf(5)), for apt runs that do not read /etc/apt."""
    wanted = ("::Proxy", "::CaInfo", "::Verify", "::SslCert", "::SslKey")
    lines = run(["apt-config", "dump"]).stdout.splitlines()
    return [line for line in lines if line.startswith("Acquire::http") and any(word in line for word in wanted)]


def own_certificates() -> list[Path]:
    """Certificates of authorities which this host trusts beside its distribution's, such as a proxy's."""
    return sorted(Path("/usr/local/share/ca-certificates").rglob("*.crt"))


def words(text: str) -> list[str]:
    """A list of packages, one or more a line, # for comments."""
    return shlex.split(text, comments=True)
