"""What runs is what was built and looked at."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from policy.rule import Policy, Resource, SecretText, Stack
from policy.shell import commands

_BY_DIGEST = re.compile(r"@sha256:[0-9a-f]{64}$")
_COMMANDS = ("command:remote:Command", "command:local:Command")
_CONTAINERS = ("containers", "initContainers", "ephemeralContainers")
_INSTANCE = "oci:ContainerEngine/containerInstance:ContainerInstance"
# Nothing of this form is an option's value with a secret in it.
_REFERENCE = re.compile(r"[\w./:@${}-]{1,200}")

# Also "ExecStart=/usr/bin/podman".
_TOOL = re.compile(r"(?:.*[/=])?(podman|docker|nerdctl)(-compose)?")
_BY_NAME = {(), ("container",), ("image",)}
_VERBS = {"run", "create", "pull"}
# Those run what a file names.
_BY_FILE = {
    *(("kube", "play"), ("play", "kube"), ("stack", "deploy")),
    *(("compose", verb) for verb in ("up", "run", "create", "pull", "start", "restart", "watch")),
}
_KNOWN = _VERBS | {word for words in (*_BY_NAME, *_BY_FILE) for word in words}
# Every other option is followed by its value, or has it after "=" (source: podman-run, podman-pull, `docker run --help`, `docker pull
# --help`, nerdctl's command reference).
_FLAGS = {
    *("--all-tags", "--detach", "--disable-content-trust", "--env-host", "--help", "--http-proxy", "--init", "--interactive"),
    *("--no-healthcheck", "--no-hostname", "--no-hosts", "--oom-kill-disable", "--passwd", "--privileged", "--publish-all"),
    *("--quiet", "--read-only", "--read-only-tmpfs", "--replace", "--rm", "--rmi", "--rootfs", "--sig-proxy", "--tls-verify"),
    *("--tty", "--unsetenv-all", "--use-api-socket"),
}  # fmt: skip
_GLOBAL_FLAGS = {
    "--debug",
    "-D",
    "--remote",
    "-r",
    "--syslog",
    "--tls",
    "--tlsverify",
    "--debug-full",
    "--insecure-registry",
}
_SHORT_FLAGS = {"run": "ditPq", "create": "ditPq", "pull": "aq"}


def is_by_digest(reference: str) -> bool:
    """Does the reference name one image for ever?"""
    return bool(_BY_DIGEST.search(reference))


def images_by_tag(resource: Resource, _: Stack) -> Iterable[str]:
    """Containers of Kubernetes, of Oracle's container instances, and of podman in a command, whose image is not named by its digest."""
    if resource.type.startswith("kubernetes:") or resource.type == _INSTANCE:
        for image in _images(resource.inputs, "imageUrl" if resource.type == _INSTANCE else "image"):
            if not is_by_digest(image):
                yield f"{resource.name} runs {_shown(image) or 'an image'}, which names no digest."
    if resource.type in _COMMANDS:
        for name in ("create", "update", "delete"):
            script = resource.at(name)
            if isinstance(script, str):
                secret = isinstance(script, SecretText)
                for told in dict.fromkeys(_undetermined(script, secret)):
                    yield f"{resource.name} runs an image which names no digest, in its {name}: {told}"


def _shown(reference: str, secret: bool = False) -> str:
    """The reference, where it may be shown."""
    hidden = secret or isinstance(reference, SecretText)
    return reference if not hidden and _REFERENCE.fullmatch(reference) else ""


def _images(value: Any, property_name: str) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if key in _CONTAINERS and isinstance(inner, Sequence):
                containers = [one for one in inner if isinstance(one, Mapping)]
                yield from (one[property_name] for one in containers if isinstance(one.get(property_name), str))
            yield from _images(inner, property_name)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for inner in value:
            yield from _images(inner, property_name)


def _undetermined(script: str, secret: bool) -> Iterator[str]:
    """What in the script runs or pulls an image that is not named by its digest: tool, verb and, unless it is secret, image."""
    for words in commands(script):
        for place, word in enumerate(words):
            if tool := _TOOL.fullmatch(word):
                verbs, rest = _verbs(words[place + 1 :], ("compose",) if tool[2] else ())
                told = " ".join((tool[1], *verbs))
                if verbs in _BY_FILE:
                    yield f"{told} (its file is not looked into)"
                elif verbs and verbs[-1] in _VERBS and verbs[:-1] in _BY_NAME:
                    # What finds no image has taken it for an option's value, or gets it from elsewhere, such as xargs.
                    for image in _references(verbs[-1], rest) or [""]:
                        if not is_by_digest(image):
                            yield f"{told} {_shown(image, secret)}".strip()


def _verbs(words: Sequence[str], verbs: tuple[str, ...]) -> tuple[tuple[str, ...], Sequence[str]]:
    """What the tool is to do, such as ("kube", "play"), and the words after that."""
    rest = list(words)
    while rest and (not verbs or (len(verbs) == 1 and verbs[0] not in _VERBS)):
        word = rest.pop(0)
        if word.startswith("-"):
            has_value = "=" not in word and word not in _GLOBAL_FLAGS
            if has_value and rest and rest[0] not in _KNOWN:
                rest.pop(0)
        elif word in _KNOWN:
            verbs = (*verbs, word)
        elif not word.startswith("$"):
            return (), ()
    return verbs, rest


def _references(verb: str, words: Sequence[str]) -> Sequence[str]:
    """The images among the words after the verb: the first that is neither option nor value, or, for `pull`, all those."""
    rest, found, options = list(words), list[str](), True
    while rest and (verb == "pull" or not found):
        word = rest.pop(0)
        if not options or not word.startswith("-"):
            found.append(word)
        elif word == "--":
            options = False
        elif word.startswith("--"):
            if word not in _FLAGS and "=" not in word:
                del rest[:1]
        elif len(word[1:].lstrip(_SHORT_FLAGS[verb])) == 1:
            # "-itp 80:80"; the value of "-p80:80" is no word of its own.
            del rest[:1]
    return found


POLICIES = (
    Policy(
        "images-by-digest",
        "Every container runs an image named by its digest (`…@sha256:…`): in Kubernetes, in container instances, and in commands "
        "that call podman or docker.",
        "A tag can be moved, so that another program runs than the one that was reviewed.",
        "pass the reference that the image's component gives (`image.reference`), or pin another image by its digest "
        "(`skopeo inspect --format '{{.Digest}}' docker://<image>`).",
        check=images_by_tag,
    ),
)
