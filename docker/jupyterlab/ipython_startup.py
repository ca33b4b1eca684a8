"""Runs when an IPython kernel starts: the first cell names packages that were installed for another Python version."""


def _report_unseen() -> None:
    import sys
    from importlib import metadata
    from pathlib import Path

    folders = [path for path in Path(sys.prefix).glob("lib/python3.*") if str(path / "site-packages") not in sys.path]
    if not folders:
        return
    seen = {one.name for one in metadata.distributions()}
    found = metadata.distributions(path=[str(folder / "site-packages") for folder in folders])
    # REQUESTED marks the packages that a person named (source: PyPA, "Recording installed projects").
    unseen = sorted({one.name for one in found if one.read_text("REQUESTED") is not None} - seen)
    if not unseen:
        return
    shell = get_ipython()  # type: ignore[name-defined]  # noqa: F821 - IPython's

    def report(_: object) -> None:
        shell.events.unregister("pre_run_cell", report)
        print(
            f"Python is {sys.version_info[0]}.{sys.version_info[1]} now. These packages were installed for another version:"
        )
        print(f"    %pip install {' '.join(unseen)}                # installs them again")
        print(f"    !rm -r {' '.join(map(str, folders))}    # forgets them")

    # A kernel's output during its start is lost.
    shell.events.register("pre_run_cell", report)


_report_unseen()
del _report_unseen
