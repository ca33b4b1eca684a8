"""Retained resources survive the stack, and a new stack adopts them."""

from __future__ import annotations

from sandbox import paths, registry
from tests.e2e.conftest import new_password
from tests.support.holdings import Holdings, left
from tests.support.machine import on_machine
from tests.support.stack import Stack


def test_retained_data_and_images_are_adopted_by_the_next_up(second: Stack, before_second: Holdings) -> None:
    second.configure(password=new_password(), retainImages=True, retainData=True)
    second.up()
    volume, repository, folder = (second.output(name) for name in ("dataVolumeId", "repositoryId", "dataFolder"))
    name = str(second.output("image")).partition("@")[0].rpartition("/")[2]
    on_machine(second, f"echo kept | sudo tee {folder}/kept.txt && sync")
    second.destroy()
    kept = " ".join(left(before_second)["cloud resources"])
    assert volume in kept
    assert repository in kept
    assert registry.images(paths.NAMESPACE, name)

    second.configure(retainImages=False, retainData=False, dataVolumeId=volume, repositoryId=repository)
    second.up()
    assert second.output("dataVolumeId") == volume
    assert on_machine(second, f"sudo cat {folder}/kept.txt") == "kept\n"
    assert second.up() == {}
    second.destroy()
    assert left(before_second) == {}
