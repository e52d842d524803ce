from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._nginx.account import find_closed_sockets


@pytest.mark.parametrize(
    "text",
    [
        "user www-data;",
        "user daemon www-data;",
        "user root;",
        "user nobody-here;",
        "# user daemon;\nevents {}",
        "http { server_name user daemon; }",
        "",
    ],
    ids=["Debian's", "the group is named", "root", "no such user", "a comment", "another word", "not told"],
)
def test_an_nginx_that_reaches_the_sockets_or_is_not_told_is_no_obstacle(tmp_path: Path, text: str) -> None:
    main = tmp_path / "nginx.conf"
    assert find_closed_sockets("www-data", main) == []
    main.write_text(text + "\n", encoding="utf-8")
    assert find_closed_sockets("www-data", main) == []


@pytest.mark.parametrize(
    "text",
    ["user daemon;", "user  'daemon' ;  # of nginx.org", "pid /run/a;\n  user daemon daemon;"],
    ids=["alone", "quoted", "with a group"],
)
def test_an_nginx_of_another_user_is_told_with_both_ways_out(tmp_path: Path, text: str) -> None:
    main = tmp_path / "nginx.conf"
    main.write_text(text, encoding="utf-8")
    (told,) = find_closed_sockets("www-data", main)
    assert told.startswith(f"nginx runs as the user 'daemon', as `user` in {main} says, and that is not in the group 'www-data'")
    assert "`user www-data;`" in told
    assert "`usermod --append --groups www-data daemon`" in told
