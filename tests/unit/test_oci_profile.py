"""The account that the OCI provider signs with, and the places it comes from."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import pytest

from specs import oci_profile
from specs.oci_profile import OciProfile, read

ACCOUNT = "user=ocid1.user.oc1..u\nfingerprint=12:34\ntenancy=ocid1.tenancy.oc1..t\nregion=eu-frankfurt-1\n"


def test_region_comes_from_stack_environment_profile_or_default(tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text("[DEFAULT]\nregion=a\n[OTHER]\nregion=d\n[NONE]\nuser=c\n")
    assert read(lambda _: None, {}, file).region == "a"
    assert read(lambda _: None, {"OCI_REGION": "g"}, file).region == "g"
    assert read(lambda _: None, {"TF_VAR_region": "e", "OCI_REGION": "g"}, file).region == "e"
    assert read({"region": "f"}.get, {"TF_VAR_region": "e"}, file).region == "f"
    assert read({"configFileProfile": "OTHER"}.get, {}, file).region == "d"
    assert read({"configFileProfile": "NONE"}.get, {}, file).region == "a"
    assert read(lambda _: None, {}, tmp_path / "none").region == ""


@pytest.fixture
def account_file(tmp_path: Path) -> Path:
    """A file with two complete accounts, and a profile with half of one."""
    (tmp_path / "key.pem").write_text("")
    whole = f"{ACCOUNT}key_file={tmp_path / 'key.pem'}\n"
    file = tmp_path / "config"
    file.write_text(f"[DEFAULT]\n{whole}[work]\n{whole.replace('oc1..u', 'oc1..w')}[half]\nuser=ocid1.user.oc1..h\n")
    return file


def test_account_comes_from_the_first_place_that_has_all_of_it(account_file: Path) -> None:
    def account(profile: str = "", **environment: str) -> OciProfile:
        return read({"configFileProfile": profile}.get, environment, account_file)

    assert account() == OciProfile("eu-frankfurt-1", "ocid1.tenancy.oc1..t", "ocid1.user.oc1..u")
    assert account("work").user_ocid == "ocid1.user.oc1..w"
    elsewhere = {"TF_VAR_tenancy_ocid": "t", "OCI_USER_OCID": "v", "OCI_FINGERPRINT": "f"}
    assert account("work", **elsewhere) == OciProfile("eu-frankfurt-1", "t", "v", "work")


def test_session_signs_without_a_user(account_file: Path) -> None:
    whole = account_file.read_text().partition("[work]")[0]
    session = whole.replace("user=ocid1.user.oc1..u", "security_token_file=/token").replace("DEFAULT", "session")
    found = OciProfile("eu-frankfurt-1", "ocid1.tenancy.oc1..t", "", "session")
    for content in (session, whole + session):
        account_file.write_text(content)
        assert read({"configFileProfile": "session"}.get, {}, account_file) == found


@pytest.mark.parametrize(
    ("stack", "environment", "place", "missing", "fix"),
    [
        ({"userOcid": "v"}, {}, "oci:userOcid", "oci:tenancyOcid and oci:fingerprint", "pulumi config rm oci:userOcid"),
        (
            {},
            {"TF_VAR_user_ocid": "v"},
            "TF_VAR_user_ocid",
            "oci:tenancyOcid and oci:fingerprint",
            "unset TF_VAR_user_ocid",
        ),
        ({}, {"OCI_FINGERPRINT": "v"}, "OCI_FINGERPRINT", "oci:tenancyOcid and oci:userOcid", "unset OCI_FINGERPRINT"),
        (
            {"configFileProfile": "half"},
            {},
            "profile half of ",
            "tenancy and fingerprint",
            "remove user from that profile",
        ),
    ],
)
def test_half_an_account_is_refused_unless_it_equals_the_other(
    stack: dict[str, str],
    environment: dict[str, str],
    place: str,
    missing: str,
    fix: str,
    account_file: Path,
) -> None:
    found = read(stack.get, environment, account_file)
    assert found.user_ocid == "ocid1.user.oc1..u"
    problem, remedy = found.problem.splitlines()
    assert problem.startswith(place)
    assert f"than profile DEFAULT of {account_file}, which signs" in problem
    assert f"add {missing}" in problem
    assert remedy == f"    {fix}"
    same = {"userOcid": "ocid1.user.oc1..u", "tenancyOcid": "ocid1.tenancy.oc1..t"}
    assert not read(same.get, {}, account_file).problem


def test_file_of_the_environment_is_read_only_without_one_at_home(account_file: Path, tmp_path: Path) -> None:
    elsewhere = {"OCI_CONFIG_FILE": str(account_file)}
    assert read(lambda _: None, elsewhere, tmp_path / "none").user_ocid == "ocid1.user.oc1..u"
    assert read({"configFileProfile": "work"}.get, elsewhere, tmp_path / "none").user_ocid == ""
    home = tmp_path / "home"
    home.write_text(account_file.read_text().replace("oc1..u", "oc1..home"))
    assert read(lambda _: None, elsewhere, home).user_ocid == "ocid1.user.oc1..home"


def test_home_folder_comes_from_the_password_database(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert oci_profile.home() == Path(pwd.getpwuid(os.getuid()).pw_dir)
    assert oci_profile.expanded("~/.oci/key.pem") == oci_profile.home() / ".oci" / "key.pem"
