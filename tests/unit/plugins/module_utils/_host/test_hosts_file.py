from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._host.hosts_file import update_text

LABEL = "webstack.flask"
OWN = "127.0.0.1 localhost\n192.0.2.7 printer\n"


def entry(app: str, *names: str, former: tuple[str, ...] = ()) -> dict[str, Any]:
    return {"app": app, "address": "192.0.2.10", "names": list(names), "former": list(former)}


SHOP, BLOG = entry("shop", "shop.test", "www.shop.test"), entry("blog", "blog.test")


def block(app: str, names: str) -> str:
    return f"# BEGIN {LABEL}: {app}\n192.0.2.10 {names}\n# END {LABEL}: {app}\n"


@pytest.mark.parametrize("text", [OWN, "", "192.0.2.7 printer", OWN.replace("\n", "\r\n"), "# odd\x0cline\u2028\n", "\n\n"])
def test_each_app_has_a_block_of_its_own_and_goes_without_a_trace(text: str) -> None:
    both = update_text(update_text(text, [SHOP], LABEL), [BLOG], LABEL)
    assert update_text(both, [SHOP, BLOG], LABEL) == both
    ends = "\r\n" if "\r\n" in text else "\n"
    for app, names in (("shop", "shop.test www.shop.test"), ("blog", "blog.test")):
        assert both.count(block(app, names).replace("\n", ends)) == 1
    assert update_text(update_text(both, [entry("shop")], LABEL), [entry("blog")], LABEL) == text


def test_another_description_leaves_the_names_of_apps_that_it_does_not_have() -> None:
    first = update_text(OWN, [SHOP], LABEL)
    assert update_text(first, [BLOG], LABEL) == first + block("blog", "blog.test")
    assert update_text(first, [], LABEL) == first


def test_a_new_name_replaces_the_old_one_in_its_place() -> None:
    both = update_text(OWN, [SHOP, BLOG], LABEL)
    assert update_text(both, [entry("shop", "new.test")], LABEL) == OWN + block("shop", "new.test") + block("blog", "blog.test")


@pytest.mark.parametrize(
    ("entries", "left"),
    [
        ([SHOP, BLOG], ""),
        ([SHOP], "192.0.2.10 blog.test\n"),
        ([entry("blog", former=("blog.test",))], "192.0.2.9 shop.test www.shop.test\n"),
        ([entry("wiki", "wiki.test")], "192.0.2.9 shop.test www.shop.test\n192.0.2.10 blog.test\n"),
    ],
)
def test_the_one_block_of_former_versions_loses_the_names_of_the_apps_that_are_described(entries: list[dict[str, Any]], left: str) -> None:
    old = f"# BEGIN {LABEL}\n192.0.2.9 shop.test www.shop.test\n192.0.2.10 blog.test\n# END {LABEL}\n"
    new = update_text(OWN + old, entries, LABEL)
    kept = f"# BEGIN {LABEL}\n{left}# END {LABEL}\n" if left else ""
    assert new.startswith(OWN + kept)
    assert update_text(new, entries, LABEL) == new
    assert new.count("shop.test") == 2
    assert new.count("blog.test") == (0 if entries[0]["former"] else 1)


def test_names_without_an_app_are_in_one_block() -> None:
    entries = [{"address": "192.0.2.10", "names": ["a.test", "a.test"]}, {"address": "2001:db8::1", "names": ["b.test"]}]
    text = update_text(OWN, entries, LABEL)
    assert text == f"{OWN}# BEGIN {LABEL}\n192.0.2.10 a.test\n2001:db8::1 b.test\n# END {LABEL}\n"
    assert update_text(text, [SHOP], LABEL).startswith(text)
    assert update_text(text, [], LABEL) == OWN


def test_what_a_hand_has_left_of_a_block_is_put_right() -> None:
    whole = update_text(OWN, [SHOP], LABEL)
    twice = whole + block("shop", "shop.test www.shop.test")
    assert update_text(twice, [SHOP], LABEL) == whole
    half = whole.replace(f"# END {LABEL}: shop\n", "")
    assert update_text(half, [SHOP], LABEL).endswith(block("shop", "shop.test www.shop.test"))
    assert update_text(half, [SHOP], LABEL).count("BEGIN") == 1
    unended = f"# BEGIN {LABEL}: shop\n{block('blog', 'blog.test')}{OWN}"
    assert update_text(unended, [SHOP], LABEL) == block("blog", "blog.test") + OWN + block("shop", "shop.test www.shop.test")
