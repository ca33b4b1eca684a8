"""Destroy deletes everything, also after manual deletions."""

from __future__ import annotations

from sandbox import engine, machine, paths, registry
from tests.support.holdings import Holdings, left
from tests.support.jupyter import login
from tests.support.machine import in_container, tunnel
from tests.support.stack import Stack


def repository(stack: Stack) -> str:
    """Return the name of the stack's repository, without host and namespace."""
    return str(stack.output("image")).partition("@")[0].rpartition("/")[2]


def machine_of(stack: Stack) -> str:
    """Return the name of the container of the stack's machine."""
    states = {name: machine.inspect(name) for name in machine.names()}
    [name] = [name for name, state in states.items() if state and state.address == stack.output("address")]
    return name


def test_destroy_leaves_nothing(second: Stack, before_second: Holdings) -> None:
    name = repository(second)
    assert registry.images(paths.NAMESPACE, name)
    second.destroy()
    assert left(before_second) == {}
    assert registry.images(paths.NAMESPACE, name) == []
    assert second.export()["deployment"].get("resources", []) == []


def test_destroy_works_after_the_machine_is_gone_and_keeps_images(second: Stack, before_second: Holdings) -> None:
    second.configure(retainImages=True)
    second.up()
    name = repository(second)
    kept = set(registry.images(paths.NAMESPACE, name))
    engine.podman("rm", "--force", "--time", "0", machine_of(second))
    second.destroy()
    remaining = left(before_second)
    try:
        [record] = remaining["cloud resources"]
        assert remaining == {"cloud resources": {record}, "cloud files": {f"resources/{record}"}}
        assert "containerrepo" in record
        assert kept
        assert kept <= set(registry.images(paths.NAMESPACE, name))
    finally:
        registry.delete_repository(paths.NAMESPACE, name)
        for file in remaining.get("cloud resources", ()):
            (paths.CLOUD / "resources" / file).unlink(missing_ok=True)


def test_deleted_machine_is_created_again_with_its_data(stack: Stack) -> None:
    in_container(stack, "open('kept.txt', 'w').write('from the machine that is gone')")
    machine.remove(machine_of(stack))
    assert stack.drift()["jupyterlab-instance"] == "delete"
    found = stack.refresh()
    assert found["jupyterlab-instance"] == "delete"
    stack.up()
    with tunnel(stack) as url:
        assert login(url, stack.password)
    assert in_container(stack, "print(open('kept.txt').read())") == "from the machine that is gone\n"
    assert stack.up() == {}


def test_destroy_works_after_a_refresh_found_the_machine_gone(stack: Stack, before: Holdings) -> None:
    name = repository(stack)
    machine.remove(machine_of(stack))
    stack.refresh()
    stack.destroy()
    assert left(before) == {}
    assert registry.images(paths.NAMESPACE, name) == []
