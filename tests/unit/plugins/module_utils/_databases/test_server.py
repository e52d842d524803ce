"""What a server says to its administrator may be what an app has put into its database; `molecule/data` has real ones."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._databases.clusters import Cluster
from ansible_collections.webstack.flask.plugins.module_utils._databases.plan import Form
from ansible_collections.webstack.flask.plugins.module_utils._databases.server import Server, Shape
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._host import commands

SERVER = Server(Cluster("17", "main", 5432, is_running=True, uid=0, gid=0, socket_directory=Path("/run/postgresql"), log="/var/log/it.log"))


def test_of_what_a_failed_statement_has_said_the_end_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    said = f"NOTICE:  {'x' * 100_000}\n" + "".join(f"NOTICE:  {number}\n" for number in range(50_000)) + "ERROR:  no such thing\n"
    monkeypatch.setattr(commands, "run", lambda *_command, **_options: commands.Ended(1, "", said, cut=True))
    with pytest.raises(UserError, match=r"PostgreSQL 17/main \(port 5432\) says: (.*\n)+ERROR:  no such thing") as failure:
        SERVER.execute("SELECT 1", "shop")
    assert len(str(failure.value)) < 4000


def test_a_server_that_does_not_answer_is_told_with_its_log(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*_command: object, **_options: object) -> commands.Ended:
        raise commands.TimedOut

    monkeypatch.setattr(commands, "run", run)
    with pytest.raises(UserError, match=r"has not answered within 120 s; /var/log/it\.log says why"):
        SERVER.execute("SELECT 1", "shop")


def test_a_shape_is_the_same_after_it_was_written_down() -> None:
    shape = Shape(Form(provider="i", locale="cs"), {"citext": "public"}, 4096)
    assert Shape.of(json.loads(json.dumps(shape.to_record()))) == shape
