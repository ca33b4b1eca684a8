"""SSH: the person's key, the instance's host key, and the tunnel command.

The program needs the host key before the first connection, and the same one in every run. So the key is not random: it is derived from the
person's private key, the stack and a number in its configuration. A new SSH key or the next number replaces the instance and its host key.
"""

from __future__ import annotations

import os
import socket
import stat
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from specs.shell import quoted

# Order of the P-256 group (source: FIPS 186-4, D.1.2.3); a private key is a number from 1 to one less.
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551

REMOTE_USER = "opc"
"""Login user of Oracle Linux platform images, with password-less sudo (source: Oracle, "Connecting to an instance")."""


SMALLEST_RSA = 3072
"""Bits of a key as strong as the others, which have 128 bits of security (source: NIST SP 800-57 Part 1, table 2)."""

OPENSSH_BEGIN, OPENSSH_END = (f"-----{word} OPENSSH PRIVATE KEY-----\n" for word in ("BEGIN", "END"))


class KeyFileError(ValueError):
    """The SSH private key file cannot be used; the message says why. commands: what fixes it, if not another key."""

    def __init__(self, problem: str, *commands: str) -> None:
        super().__init__(problem)
        self.commands = commands


@dataclass(frozen=True)
class SshKey:
    """The person's key: `private` as read from the file, `public` as one line of an authorized_keys file, `seed` only the
    numbers of the private key (DER), which are the same after a new comment or in another form of the file.
    """

    private: str = field(repr=False)
    public: str
    seed: bytes = field(repr=False)


@dataclass(frozen=True)
class HostKey:
    """The instance's ECDSA P-256 host key: `private` as PEM, `public` as "ecdsa-sha2-nistp256 AAAA…"."""

    private: str = field(repr=False)
    public: str


def read_key(file: Path) -> SshKey:
    """Read an unencrypted OpenSSH or PEM private key that OpenSSH also accepts. Raises KeyFileError."""
    try:
        path = file.expanduser()
        private = path.read_bytes().decode()
        status = path.stat()
    except FileNotFoundError:
        raise KeyFileError("does not exist") from None
    except (OSError, ValueError, RuntimeError) as error:
        raise KeyFileError(f"cannot be read ({error})") from None
    try:
        key = _load(private)
    except TypeError:
        raise KeyFileError("is protected by a passphrase, and the program cannot ask for it") from None
    except (ValueError, UnsupportedAlgorithm):
        raise KeyFileError("is not an SSH private key") from None
    if not isinstance(key, ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise KeyFileError("is not an Ed25519, ECDSA or RSA key")
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size < SMALLEST_RSA:
        raise KeyFileError(f"is an RSA key of {key.key_size} bits; {SMALLEST_RSA} are the least")
    if isinstance(key, ed25519.Ed25519PrivateKey) and OPENSSH_BEGIN.strip() not in private:
        # Source: OpenSSH's release notes of 9.6.
        raise KeyFileError("is an Ed25519 key in PEM, which OpenSSH before 9.6 does not read")
    try:
        public = _openssh_line(key.public_key())
    except ValueError:
        raise KeyFileError("is an ECDSA key of a curve that OpenSSH does not have") from None
    _check_for_openssh(path, private, status)
    form = (serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return SshKey(private, public, key.private_bytes(*form))


def _check_for_openssh(file: Path, private: str, status: os.stat_result) -> None:
    """Refuse what OpenSSH refuses: otherwise the tunnel would fail after a good deploy (source: openssh-portable: ssh.c,
    load_public_identity_files; authfile.c, sshkey_perm_ok; sshkey.c, private2_uudecode. OpenSSL reads the older forms, with any line ends).
    """
    if "%" in str(file) or "${" in str(file):
        raise KeyFileError("has % or ${ in its name, which ssh replaces")
    name = quoted(str(file))
    if status.st_uid == os.getuid() and status.st_mode & 0o077:
        raise KeyFileError(f"can be read by others (mode {stat.S_IMODE(status.st_mode):03o})", f"chmod 600 {name}")
    if OPENSSH_BEGIN.strip() not in private:
        return
    if "\r" in private:
        new = quoted(f"{file}.new")
        command = f"(umask 077 && tr -d '\\r' <{name} >{new} && mv {new} {name})"
        raise KeyFileError("has the line ends of Windows, which OpenSSH refuses", command)
    if private.endswith(OPENSSH_END.strip()):
        raise KeyFileError("does not end with a newline, which OpenSSH needs", f"echo >>{name}")
    if not private.startswith(OPENSSH_BEGIN) or f"\n{OPENSSH_END}" not in private:
        raise KeyFileError("has text, such as a blank, beside its first or last line, which OpenSSH refuses")


def answers(agent: str) -> bool:
    """Whether an SSH agent listens on this socket.

    pulumi-command connects to the agent of SSH_AUTH_SOCK before anything else, and no input of a
    command prevents that: it dials an empty agentSocketPath too (source: pulumi-command 1.2.1, provider/pkg/provider/remote/connection.go).
    """
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.connect(agent)
        except OSError:
            return False
    return True


def _load(private: str) -> object:
    data = private.encode()
    if "BEGIN OPENSSH PRIVATE KEY" in private:
        try:
            return serialization.load_ssh_private_key(data, password=None)
        except ValueError as error:
            # Only the words of the error show whether the key is encrypted or broken.
            if "encrypted" in str(error):
                raise TypeError from None
            raise
    return serialization.load_pem_private_key(data, password=None)


def _openssh_line(key: ed25519.Ed25519PublicKey | rsa.RSAPublicKey | ec.EllipticCurvePublicKey) -> str:
    return key.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH).decode()


def host_key(seed: bytes, stack: str, generation: int) -> HostKey:
    """Derive the host key of `stack` ("compartment/project/stack") from the person's private key (`SshKey.seed`).

    ECDSA in PEM, because every sshd from Oracle Linux 8 on reads it and it has nothing random in it (the OpenSSH form has, which would
    change the plan in every run). 48 bytes reduce to the group's order almost without bias.
    """
    stretched = HKDF(hashes.SHA256(), 48, salt=None, info=f"ssh host key {stack} {generation}".encode()).derive(seed)
    key = ec.derive_private_key(int.from_bytes(stretched, "big") % (P256_ORDER - 1) + 1, ec.SECP256R1())
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    return HostKey(pem.decode(), _openssh_line(key.public_key()))


def connect_command(address: str, private_key_file: str, public_host_key: str, *options: str) -> str:
    """The ssh command line for `address`, ready to paste. It pins the host key, so ssh asks no question and writes
    no file.

    KnownHostsCommand needs OpenSSH 8.5 (2021) or later at the person's end.
    """
    home, tilde, rest = private_key_file.partition("~/")
    # The shell expands ~ only outside quotes.
    identity = f"~/{quoted(rest)}" if tilde and not home else quoted(private_key_file)
    known_hosts = f"KnownHostsCommand=/bin/echo {address} {public_host_key}"
    words = [
        *("ssh", "-i", identity, "-o", "IdentitiesOnly=yes"),
        *("-o", "ServerAliveInterval=15", "-o", "StrictHostKeyChecking=yes"),
        *("-o", "UserKnownHostsFile=/dev/null", "-o", "GlobalKnownHostsFile=/dev/null", "-o", quoted(known_hosts)),
        *options,
        quoted(f"{REMOTE_USER}@{address}"),
    ]
    return " ".join(words)


def tunnel_command(address: str, private_key_file: str, public_host_key: str, port: int) -> str:
    """The ssh command that forwards the person's port to the same port on the instance's loopback."""
    forward = ("-N", "-o", "ExitOnForwardFailure=yes", "-L", f"127.0.0.1:{port}:127.0.0.1:{port}")
    return connect_command(address, private_key_file, public_host_key, *forward)
