"""Entries of `flask_apps` for tests, and what is said of wrong ones."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.checks import check_apps


def describe(**changes: object) -> dict[str, Any]:
    app = {"name": "shop", "source": {"path": "shop"}, "wsgi": "wsgi:app", "server_names": ["shop.test"], **changes}
    return {key: value for key, value in app.items() if value is not ...}


def find_problems(*apps: object) -> list[str]:
    with pytest.raises(UserError) as caught:
        check_apps(list(apps))
    headline, *problems = str(caught.value).split("\n- ")
    assert headline == "flask_apps cannot be deployed as described; nothing was changed:"
    return problems


def find_problem(**changes: object) -> str:
    (problem,) = find_problems(describe(**changes))
    start = "flask_apps[0] (shop): "
    assert problem.startswith(start)
    return problem.removeprefix(start)


FULL = describe(
    source={"git": "https://example.com/shop.git", "version": "v1"},
    server_names=["*.shop.test", "shop.test", "www.shop.test"],
    chdir="src",
    env={"DEBUG": "0", "PORT": 5, "RATIO": 0.5},
    env_files=[".env"],
    python_path=["lib"],
    dependencies={
        "file": "services/web/requirements.txt",
        "packages": ["redis"],
        "gunicorn_version": "25.0.0",
        "python": "3.12",
        "ignore_python_requirement": True,
        "ignore_lock_mismatch": True,
        "build_packages": ["libpq-dev"],
        "wheels": "/srv/wheels",
        "index_url": "https://pypi.example.com/simple",
        "environment": {"PIP_RETRIES": 1},
        "git_access": False,
        "ssh_key": "-----BEGIN OPENSSH PRIVATE KEY-----",
        "known_hosts": "example.com ssh-ed25519 AAAA",
    },
    gunicorn={"workers": 4},
    service={"MemoryMax": "1G"},
    health={"path": "/up", "statuses": [200], "timeout": 1},
    static=[{"url": "/assets/", "paths": ["dist", "public"]}],
    nginx={"listen_port": 8080, "client_max_body_size": "1m"},
    maintenance={"page": "public/closed.html", "paths": ["/webhooks/"]},
    shared={"directories": ["instance", "./up/loads/"]},
    release_commands=["flask db upgrade"],
    processes={
        "mail": {"command": "celery -A shop worker", "count": 2, "drain": 600, "ready": "celery -A shop inspect ping"},
        "bot": "python bot.py",
    },
    release_command_timeout=60,
    drain=10,
    watch=2,
    keep_releases=5,
)


BLOG = describe(name="blog", server_names=["blog.test"])


PEM = {"certificate": "-----BEGIN CERTIFICATE-----", "key": "-----BEGIN PRIVATE KEY-----"}
