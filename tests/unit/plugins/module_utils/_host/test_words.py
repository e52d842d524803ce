"""The words by which an internal service knows its callers."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._host import words
from ansible_collections.webstack.flask.plugins.module_utils._host.words import (
    ensure_key,
    format_callers,
    hide_words,
    list_callers,
    make_credentials,
    make_word,
    redact,
)

KEY = "ab" * 32


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a key may be, of whoever runs the test."""
    monkeypatch.setattr(words, "ensure_directory", lambda path, _access: path.mkdir(exist_ok=True))
    monkeypatch.setattr(words, "write_atomically", lambda path, text, access: (path.write_text(text), path.chmod(access.mode)))
    return tmp_path / "state" / "services.key"


def test_a_key_is_made_once_for_root_alone_and_a_check_run_makes_none(place: Path) -> None:
    assert ensure_key(place, check=True) != ensure_key(place, check=True)
    assert not place.exists()
    key = ensure_key(place)
    assert place.stat().st_mode & 0o777 == 0o600
    assert (ensure_key(place), ensure_key(place, check=True)) == (key, key)


@pytest.mark.parametrize("rest", ["", "\n", KEY[:-1], f"{KEY}x\n"])
def test_what_a_run_that_was_cut_off_has_left_is_no_key(place: Path, rest: str) -> None:
    place.parent.mkdir()
    place.write_text(rest, encoding="utf-8")
    assert re.fullmatch("[0-9a-f]{64}", ensure_key(place))
    assert place.read_text(encoding="utf-8").strip() == ensure_key(place)


def test_a_word_is_of_one_host_one_service_and_one_caller() -> None:
    own = make_word(KEY, "images", "shop")
    others = [make_word("cd" * 32, "images", "shop"), make_word(KEY, "mail", "shop"), make_word(KEY, "images", "blog")]
    assert own not in others
    assert make_word(f"{KEY}\n", "images", "shop") == own


def test_nginx_finds_what_a_client_sends_and_nothing_like_it() -> None:
    text = format_callers(KEY, "images", ["webstack.flask", "shop", "img-2_x"])
    assert list_callers(text) == ["webstack.flask", "shop", "img-2_x"]
    found = [re.fullmatch(r'"~(\S+ \S+)" (\S+);', line) for line in text.splitlines()]
    patterns = {match[2]: re.compile(match[1]) for match in found if match}
    sent = "Basic " + base64.b64encode(f"shop:{make_word(KEY, 'images', 'shop')}".encode()).decode()
    assert sent == f"Basic {make_credentials(KEY, 'images', 'shop')}"
    for said in (sent, sent.replace("Basic", "basic")):
        assert [caller for caller, pattern in patterns.items() if pattern.search(said)] == ["shop"]
    for said in (f"{sent}x", f"x{sent}", sent[:-3], sent.replace("Basic", "Bearer"), sent.lower(), f"{sent}, {sent}"):
        assert not any(pattern.search(said) for pattern in patterns.values()), said


def test_people_see_who_is_let_in_and_not_by_which_word() -> None:
    assert hide_words("# head\n" + format_callers(KEY, "images", ["shop", "blog"])) == "# head\nshop\nblog\n"


def test_what_a_client_quotes_of_a_url_shows_no_word() -> None:
    word = make_word(KEY, "images", "shop")
    said = f"requests.exceptions.HTTPError: 500 Server Error for url: http://shop:{word}@127.79.1.2:790/images\nsha256:{word}"
    assert redact(said) == said.replace(f"{word}@", "…@")
