"""Wrong configurations through the real CLI: nothing is created, and the output has the fix. tests/unit/test_settings.py has all rows."""

from __future__ import annotations

import pytest
import yaml

from tests.support.stack import PROJECT, Stack, steps
from tests.wrong_configurations import WRONG, Wrong

SOME = [wrong for wrong in WRONG if not wrong.fix or wrong.name in ("no password", "no SSH network", "no API network")]


@pytest.mark.parametrize("wrong", SOME, ids=lambda wrong: wrong.name)
def test_a_wrong_configuration_stops_up_before_anything_is_created(wrong: Wrong, changed: Stack) -> None:
    changed.configure(**wrong.values)
    events = changed.folder / "events.jsonl"
    config = ("--config-file", str(changed.config_file), "--event-log", str(events))
    done = changed.pulumi("up", "--yes", "--skip-preview", *config, check=False)
    said = done.stdout + done.stderr
    assert done.returncode != 0
    assert wrong.key in said
    assert wrong.message in said
    assert not wrong.fix or wrong.fix in [line.strip() for line in said.splitlines()]
    assert "Traceback" not in said
    assert not events.exists() or steps(events.read_text()) == {}


def test_a_plain_value_beside_an_encrypted_one_is_refused(changed: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    set_in_file = ("config", "set", "--config-file", str(changed.config_file), "--path")
    changed.pulumi(*set_in_file, "--secret", "secretFiles.token", stdin="correct horse")
    changed.pulumi(*set_in_file, "--plaintext", 'secretFiles["a.conf"]', "battery {argon2}")
    monkeypatch.setenv("PULUMI_OPTION_CONFIG_FILE", str(changed.config_file))
    done = changed.pulumi("preview", "--config-file", str(changed.config_file), check=False)
    said = done.stdout + done.stderr
    assert done.returncode != 0
    assert "    pulumi config set --secret --path 'secretFiles[\"a.conf\"]'" in said
    assert "secretFiles.token" not in said
    assert "battery" not in said


def test_a_plaintext_password_is_refused(changed: Stack) -> None:
    document = yaml.safe_load(changed.config_file.read_text())
    document["config"][f"{PROJECT}:password"] = "a password in plain text"
    changed.config_file.write_text(yaml.safe_dump(document))
    done = changed.pulumi("preview", "--config-file", str(changed.config_file), check=False)
    assert done.returncode != 0
    assert "pulumi config set --secret password" in done.stdout + done.stderr
