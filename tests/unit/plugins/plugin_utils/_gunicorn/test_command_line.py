"""Command lines of web servers become settings of gunicorn."""

from __future__ import annotations

import shlex
from typing import Any

import pytest
from ansible_collections.webstack.flask.plugins.plugin_utils._gunicorn.command_line import read_server
from ansible_collections.webstack.flask.plugins.plugin_utils._gunicorn.settings import find_setting_problems


@pytest.mark.parametrize(
    ("command", "keys"),
    [
        ("gunicorn shop:app", {"wsgi": "shop:app"}),
        ("gunicorn", {}),
        ("venv/bin/gunicorn -w4 -t 120 shop:app", {"wsgi": "shop:app", "gunicorn": {"workers": 4, "timeout": 120}}),
        ("gunicorn --workers=4 'shop:create_app(\"x\")'", {"wsgi": 'shop:create_app("x")', "gunicorn": {"workers": 4}}),
        ("gunicorn --preload shop:app -k gthread", {"wsgi": "shop:app", "gunicorn": {"preload_app": True, "worker_class": "gthread"}}),
        (
            "gunicorn shop --no-sendfile -m 022 --keep-alive 5",
            {"wsgi": "shop", "gunicorn": {"sendfile": False, "umask": 18, "keepalive": 5}},
        ),
        ("gunicorn -c file:conf/gunicorn.py shop:app", {"wsgi": "shop:app", "gunicorn": {"config": "conf/gunicorn.py"}}),
        ("gunicorn shop:app --log-file - --access-logfile -", {"wsgi": "shop:app", "gunicorn": {"accesslog": "-"}}),
        ("gunicorn shop:app --chdir src --pythonpath a,b", {"wsgi": "shop:app", "chdir": "src", "python_path": ["a", "b"]}),
        ("gunicorn -e A=1 --env B=x=y shop:app", {"wsgi": "shop:app", "env": {"A": "1", "B": "x=y"}}),
        ("gunicorn -k uvicorn.workers.UvicornWorker main:app", {"asgi": "main:app"}),
        ("gunicorn -k uvicorn_worker.UvicornWorker main:app -w 2", {"asgi": "main:app", "gunicorn": {"workers": 2}}),
        ("gunicorn --worker-tmp-dir /run/shm -- shop:app", {"wsgi": "shop:app", "gunicorn": {"worker_tmp_dir": "/run/shm"}}),
        ("uvicorn main:app --workers 2 --timeout-keep-alive 9", {"asgi": "main:app", "gunicorn": {"workers": 2, "keepalive": 9}}),
        ("uvicorn --factory main:make --app-dir src", {"asgi": "main:make()", "python_path": ["src"]}),
        ("uvicorn --proxy-headers --forwarded-allow-ips '*' main:app", {"asgi": "main:app"}),
        ("hypercorn -w 3 asgi:app", {"asgi": "asgi:app", "gunicorn": {"workers": 3}}),
        ("hypercorn asgi:shop:app", {"asgi": "shop:app"}),
        ("daphne shop.asgi:application", {"asgi": "shop.asgi:application"}),
        ("granian --interface wsgi shop:app --workers 2", {"wsgi": "shop:app", "gunicorn": {"workers": 2}}),
        ("fastapi run main.py --workers 4", {"gunicorn": {"workers": 4}}),
        ("waitress-serve --threads=8 --call shop:create_app", {"wsgi": "shop:create_app()", "gunicorn": {"threads": 8}}),
    ],
)
def test_what_a_command_line_says_becomes_keys_of_an_entry(command: str, keys: dict[str, Any]) -> None:
    served = read_server(shlex.split(command))
    assert served is not None
    assert served.keys == keys
    assert served.remarks == []
    assert find_setting_problems(served.keys.get("gunicorn", {})) == []


@pytest.mark.parametrize(
    ("command", "remark"),
    [
        ("gunicorn -b 0.0.0.0:$PORT shop:app", "`--bind` falls away: the socket is made by systemd"),
        ("gunicorn --bind=unix:x.sock shop:app", "`--bind` falls away: the socket is made by systemd"),
        ("gunicorn -D shop:app", "`--daemon` falls away: systemd runs gunicorn"),
        ("gunicorn --reload shop:app", "`--reload` falls away: a release never changes"),
        ("gunicorn --forwarded-allow-ips='*' shop:app", "`--forwarded-allow-ips` falls away: nginx is in front, on a socket"),
        ("gunicorn --certfile x shop:app", "`--certfile` falls away: nginx ends TLS: the key `tls` of the app"),
        ("gunicorn --frobnicate x shop:app", "`--frobnicate` has no counterpart here"),
        ("gunicorn -w $N shop:app", "`--workers $N` is not taken, because the shell works it out"),
        ("uvicorn main:app --host 0.0.0.0 --port $PORT", "`--host` and `--port` fall away: the socket is made by systemd"),
        ("uvicorn main:app --uds x.sock", "`--uds` falls away: the socket is made by systemd"),
        ("uvicorn main:app --ws wsproto", "`--ws` of uvicorn has no counterpart here"),
        ("waitress-serve --port=$PORT shop:app", "`--port` falls away: the socket is made by systemd"),
        ("hypercorn -b 0.0.0.0:$PORT shop:app", "`-b` falls away: the socket is made by systemd"),
        ("daphne -b 0.0.0.0 -p $PORT shop:app", "`-b` and `-p` fall away: the socket is made by systemd"),
    ],
)
def test_what_has_no_place_here_is_said_and_takes_no_other_word_with_it(command: str, remark: str) -> None:
    served = read_server(shlex.split(command))
    assert served is not None
    assert served.remarks == [remark]
    assert list(served.keys.values()) == [shlex.split(command)[-1] if command.endswith(":app") else "main:app"]


@pytest.mark.parametrize("command", ["", "flask run", "python manage.py runserver", "uwsgi app.ini", "./start.sh"])
def test_other_programs_are_no_servers_that_are_known(command: str) -> None:
    assert read_server(shlex.split(command)) is None
