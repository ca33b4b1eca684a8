"""Requirements of docker/README.md on all images, tested on containers as the program runs them."""

from __future__ import annotations

import json
import re

import pytest
from packaging.requirements import Requirement

from tests.images.conftest import APPS, New, native_only
from tests.support.app_container import AppContainer
from tests.support.stack import ROOT

# Marks of problems in a log: Jupyter's levels W, E and C, Python's names of levels, warnings and exceptions.
PROBLEM = re.compile(r"^\[[WEC] |warn|error|critical|fatal|traceback|exception|deprecat", re.IGNORECASE)
# Jupyter logs its address as critical, to show it at all levels.
KNOWN = re.compile(r"^\[C [-0-9:. ]+ ServerApp\] $")
# All writable files and folders except temporary folders, which are sticky.
WRITABLE = """\
import os, stat
def writable(folder):
    for path, folders, files in os.walk(folder):
        folders[:] = [one for one in folders if not os.path.ismount(os.path.join(path, one))]
        for one in (path, *(os.path.join(path, file) for file in files)):
            if not os.path.islink(one) and os.access(one, os.W_OK):
                sticky = os.stat(one).st_mode & stat.S_ISVTX
                if sticky:
                    folders.clear()
                    break
                print(one)
writable("/")
"""
INSTALLED = """\
import json
from importlib import metadata
from packaging.markers import default_environment
installed = {one.metadata["Name"]: one.version for one in metadata.distributions()}
print(json.dumps({"installed": installed, "environment": default_environment()}))
"""
IMPORT = """\
import importlib, json, sys
from importlib import metadata
modules = metadata.packages_distributions()
for name in json.load(sys.stdin):
    files = [str(file) for file in metadata.files(name)]
    found = [module for module, names in modules.items() if name in names]
    # Without modules for compatibility, such as matplotlib's pylab.
    for module in [name] if name in found else found:
        importlib.import_module(module)
    print(name, *(found or [file for file in files if "/bin/" in file]))
"""

each_app = pytest.mark.parametrize("name", APPS)


def lock(name: str, file: str = "requirements.txt") -> list[Requirement]:
    """The requirements of an app, or of another file of its folder."""
    text = (ROOT / "docker" / name / file).read_text()
    lines = re.sub(r"\\\n\s*--hash=\S+", "", text).splitlines()
    return [Requirement(line) for line in lines if line.strip() and not line.lstrip().startswith("#")]


def canonical(name: str) -> str:
    """The name of a distribution in locks (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.fixture(params=APPS)
def service(request: pytest.FixtureRequest, running: New) -> AppContainer:
    """A container of each app."""
    return running(request.param)


def problems(container: AppContainer) -> list[str]:
    """The lines of its log from start to health that report a problem."""
    lines = container.start_log.splitlines()
    assert lines
    return [line for line in lines if PROBLEM.search(line) and not KNOWN.match(line)]


def test_it_is_healthy_on_the_configured_port(service: AppContainer) -> None:
    assert service.port != service.app.port
    assert service.health()


def test_the_health_check_fails_on_an_error_and_without_a_server(service: AppContainer) -> None:
    service.run("healthcheck", service.health_url)
    for url in (f"{service.url}/api/nothing-here", "http://127.0.0.1:1/"):
        error = service.run("healthcheck", url, check=False)
        assert error.startswith(f"{url}: ")
        assert error.count("\n") == 1


def test_an_init_is_process_1_and_the_app_is_its_only_child(service: AppContainer) -> None:
    words = service.run("cat", "/proc/1/cmdline").split("\0")
    init = words.index("--single-child") - 1
    assert words[init] == "/opt/app/bin/dumb-init"
    # With emulation, QEMU and the program's path come first.
    assert init in (0, 2)
    assert len(service.run("cat", "/proc/1/task/1/children").split()) == 1


def test_a_start_logs_no_warning_and_no_error(service: AppContainer) -> None:
    assert problems(service) == []


def test_its_user_can_only_write_the_data_folder(service: AppContainer) -> None:
    user = service.app.user_id
    assert user != 0
    assert [service.run("id", flag).strip() for flag in ("-u", "-g")] == [str(user)] * 2
    assert service.run("stat", "--format", "%u:%g", service.app.data_path).strip() == f"{user}:{user}"
    service.run("touch", f"{service.app.data_path}/written")
    assert (service.data / "written").stat().st_uid == user
    assert service.python(WRITABLE).splitlines() == []


def test_installed_packages_are_the_locked_ones(service: AppContainer) -> None:
    report = json.loads(service.python(INSTALLED))
    locked = {
        one.name: str(one.specifier).removeprefix("==")
        for one in lock(service.app.name)
        if one.marker is None or one.marker.evaluate(report["environment"])
    }
    assert {canonical(name): version for name, version in report["installed"].items()} == locked


def test_all_packages_of_requirements_in_can_be_imported(service: AppContainer) -> None:
    names = [one.name for one in lock(service.app.name, "requirements.in")]
    lines = service.python(IMPORT, stdin=json.dumps(names)).splitlines()
    found = {line.split()[0]: line.split()[1:] for line in lines}
    assert set(found) == set(names)
    # It is a program.
    assert [name for name in names if not all("/" not in module for module in found[name])] == ["dumb-init"]
    assert all(found.values())
    service.run("/opt/app/bin/dumb-init", "--version")


def test_its_root_is_read_only_and_its_memory_file_systems_are_limited(service: AppContainer) -> None:
    for folder in ("/opt/app", "/etc/app-secrets"):
        assert "Read-only file system" in service.run("touch", f"{folder}/written", check=False)
    gigabyte = 1 << 30
    for folder in ("/tmp", "/dev/shm"):
        size = service.run("df", "--block-size=1", "--output=size", folder).split()[1]
        assert int(size) == service.spec([]).memory_gb * gigabyte / 2
    service.python("import os; open('/tmp/run', 'w').write('#!/bin/sh\\n'); os.chmod('/tmp/run', 0o700)")
    service.run("/tmp/run")
    # podman mounts tmpfs there and a pod does not, so an app must not use them.
    for folder in ("/run", "/var/tmp"):
        written = "[name for top, folders, files in os.walk(sys.argv[1]) for name in folders + files if os.lstat(f'{top}/{name}').st_uid]"
        assert service.run("python", "-c", f"import os, sys; print({written})", folder) == "[]\n"


@native_only
@each_app
def test_it_does_not_start_without_a_secret_and_logs_one_line(new: New, name: str) -> None:
    container = new(name).start(secrets={})
    assert container.exit_code() == 1
    file = next(iter(container.app.secret_files))
    [line] = container.log().splitlines()
    assert re.match(rf"\w+ not started: no .* at /etc/app-secrets/{file}: No such file or directory", line)
