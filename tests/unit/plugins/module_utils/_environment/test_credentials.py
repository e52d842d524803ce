from __future__ import annotations

import netrc
from pathlib import Path

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._environment.credentials import Credentials, find_secrets, redact
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from hypothesis import given
from hypothesis import strategies as st


def test_the_credentials_of_indexes_leave_their_urls() -> None:
    variables = {
        "PIP_INDEX_URL": "https://ann:s%40cret@pypi.example.com:8443/simple",
        "PIP_EXTRA_INDEX_URL": "https://token@one.example.com/simple https://two.example.com/simple",
        "HTTPS_PROXY": "http://ann:s@proxy.example.com:3128",
    }
    logins = Credentials()
    assert logins.take_from_variables(variables) == {
        "PIP_INDEX_URL": "https://pypi.example.com:8443/simple",
        "PIP_EXTRA_INDEX_URL": "https://one.example.com/simple https://two.example.com/simple",
        "HTTPS_PROXY": "http://ann:s@proxy.example.com:3128",
    }
    assert (
        logins.to_netrc() == 'machine pypi.example.com login "ann" password "s@cret"\nmachine one.example.com login "token" password ""\n'
    )


def test_without_credentials_there_is_nothing_to_write_down() -> None:
    variables = {"PIP_INDEX_URL": "https://pypi.example.com/simple", "PIP_RETRIES": "1"}
    logins = Credentials()
    assert logins.take_from_variables(variables) == variables
    assert logins.to_netrc() == ""


def test_one_host_cannot_have_two_pairs_and_the_message_shows_neither() -> None:
    variables = {"PIP_INDEX_URL": "https://a:first@h.test/x", "PIP_EXTRA_INDEX_URL": "https://a:second@h.test/y"}
    with pytest.raises(UserError) as caught:
        Credentials().take_from_variables(variables)
    assert str(caught.value) == "the indexes at h.test are given with different credentials; there can be one pair for each host"


_PIPFILE = """\
[[source]]
url = "{0}"
name = "private"

[packages]
shop = {{git = "https://git:tok@git.example.com/shop.git"}}
"""
_LOCK = '{{"_meta": {{"sources": [{{"name": "private", "url": "{0}"}}]}}}}'


@pytest.mark.parametrize(("name", "text"), [("Pipfile", _PIPFILE), ("web/Pipfile.lock", _LOCK)])
@pytest.mark.parametrize(
    ("url", "bare"),
    [
        ("https://ann:s%40cret@pypi.example.com/simple", "https://pypi.example.com/simple"),
        ("https://${INDEX_USER}:$INDEX_PASS@pypi.example.com/simple", "https://pypi.example.com/simple"),
        ("$WHOLE/simple", "https://pypi.example.com/simple"),
    ],
)
def test_the_credentials_of_an_index_leave_the_pipfile_and_its_lock(name: str, text: str, url: str, bare: str) -> None:
    variables = {"INDEX_USER": "ann", "INDEX_PASS": "s%40cret", "WHOLE": "https://ann:s%40cret@pypi.example.com"}
    logins = Credentials()
    assert logins.take_from_file(name, text.format(url), variables) == text.format(bare)
    assert logins.to_netrc() == 'machine pypi.example.com login "ann" password "s@cret"\n'


def test_the_credentials_of_an_index_leave_requirements_and_those_of_a_package_stay() -> None:
    text = (
        "--index-url=https://ann:${WORD}@one.example.com/simple\n"
        "  --extra-index-url https://token@two.example.com/simple\n"
        "shop @ git+https://git:tok@git.example.com/shop.git\n"
    )
    logins = Credentials()
    assert logins.take_from_file("requirements/base.in", text, {"WORD": "s3cret"}) == (
        "--index-url=https://one.example.com/simple\n"
        "  --extra-index-url https://two.example.com/simple\n"
        "shop @ git+https://git:tok@git.example.com/shop.git\n"
    )
    assert logins.to_netrc() == 'machine one.example.com login "ann" password "s3cret"\nmachine two.example.com login "token" password ""\n'


def test_a_variable_that_is_not_set_is_named_with_the_place_to_set_it() -> None:
    with pytest.raises(UserError) as caught:
        Credentials().take_from_file("Pipfile", _PIPFILE.format("https://${USER_X}:$PASS_X@pypi.example.com/simple"), {})
    assert str(caught.value) == (
        "a package index of the app takes its credentials from USER_X and PASS_X, which is not set: set it in `dependencies.environment`"
    )


_PRINTABLE = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="/@:%'\""), min_size=1)


@given(_PRINTABLE, _PRINTABLE)
def test_programs_read_back_what_was_written_down(tmp_path_factory: pytest.TempPathFactory, user: str, password: str) -> None:
    logins = Credentials()
    logins.take_from_variables({"PIP_INDEX_URL": f"https://{user}:{password}@h.test/simple"})
    file = tmp_path_factory.mktemp("netrc") / "netrc"
    file.write_text(logins.to_netrc(), encoding="utf-8")
    found = netrc.netrc(str(file)).authenticators("h.test")
    assert found is not None
    assert (found[0], found[2]) == (user, password)


def test_secrets_are_passwords_in_urls_and_what_is_named_like_one() -> None:
    variables = {
        "PIP_INDEX_URL": "https://ann:p%40ss@h.test/simple",
        "GIT_TOKEN": "0123456789",
        "PIP_RETRIES": "1",
        "API_KEY": "abc",  # too short to be looked for
        "HTTPS_PROXY": "http://bob:word@proxy.test",
    }
    found = find_secrets(variables, ["flask", "git+https://ghp_1234@github.com/o/r", "git+ssh://git@h.test/r"])
    assert found == {"p%40ss", "p@ss", "ann:p%40ss", "ann:p@ss", "0123456789", "word", "bob:word", "ghp_1234"}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Looking in https://ann:pass@h.test/simple", "Looking in https://****@h.test/simple"),
        ("git clone https://ghp_1@github.com/o/r", "git clone https://****@github.com/o/r"),
        ("git+ssh://git@github.com/o/r", "git+ssh://git@github.com/o/r"),
        ("401 for pass word", "401 for **** word"),
        ("mail me@example.com, see https://h.test/a@b", "mail me@example.com, see https://h.test/a@b"),
    ],
)
def test_what_is_shown_has_no_secrets(text: str, shown: str) -> None:
    assert redact(text, {"pass"}) == shown


def test_a_secret_within_a_secret_leaves_nothing_of_the_longer_one() -> None:
    assert redact("x abcdef x", {"abcd", "abcdef"}) == "x **** x"


def test_this_file_is_read_without_a_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Programs take the file from NETRC, so that it need not lie where the build user could put a link."""
    requests = pytest.importorskip("pip._vendor.requests.utils")
    logins = Credentials()
    logins.take_from("https://ann:pass@h.test/")
    (tmp_path / "netrc").write_text(logins.to_netrc(), encoding="utf-8")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    assert requests.get_netrc_auth("https://h.test/simple") == ("ann", "pass")
