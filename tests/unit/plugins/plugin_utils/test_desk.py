"""What the playbooks that speak with running apps show at the desk."""

from __future__ import annotations

from typing import Any

from ansible_collections.webstack.flask.plugins.plugin_utils._desk import describe_app_terminal, label_lines

SSH: dict[str, Any] = {"kind": "ssh", "host": "192.0.2.7", "port": 22, "user": "admin", "key": "", "args": " "}


def test_the_host_stands_before_each_line_and_a_terminal_obeys_none() -> None:
    said = {"web1": "first\n\nthird \x1b[31m", "web10": "second", "web2": ""}
    assert label_lines(said) == ["web1   first", "web1", "web1   third \\x1b[31m", "web10  second"]
    assert label_lines({}) == []


def test_a_terminal_is_opened_as_ansible_connects() -> None:
    def last(words: list[str], **changes: object) -> str:
        return describe_app_terminal({**SSH, **changes}, words)[-1]

    assert last(["shop", "shell"]) == "ssh -t admin@192.0.2.7 'sudo webstack shop shell'"
    assert last(["shop", "shell"], user="root", port=2222) == "ssh -t -p 2222 root@192.0.2.7 'webstack shop shell'"
    assert last(["shop", "run", "--", "flask shell"], kind="local") == "sudo webstack shop run -- 'flask shell'"
