from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._environment.manifests import find_dependency_problems

_NOTHING: dict[str, Any] = {
    "file": None,
    "packages": [],
    "gunicorn_version": None,
    "python": None,
    "build_packages": [],
    "wheels": None,
    "index_url": None,
    "environment": {},
}


@pytest.mark.parametrize(
    ("wish", "problem"),
    [
        ({"file": "/etc/requirements.txt"}, "file is '/etc/requirements.txt'; it must be a path within the source, such as services/web/r"),
        ({"file": "../requirements.txt"}, "file is '../requirements.txt'; it must be a path within the source"),
        (
            {"file": "None"},
            "file is 'None'; its name must be Pipfile.lock, Pipfile, requirements.txt, pyproject.toml or end in .txt or .in, ",
        ),
        ({"file": "requirements/.env"}, "file is 'requirements/.env'; its name must be Pipfile.lock, "),
        ({"file": "requirements/setup.py"}, "file is 'requirements/setup.py'; its name must be Pipfile.lock, "),
        ({"file": "requirements.lock"}, "file is 'requirements.lock'; its name must be Pipfile.lock, "),
        ({"file": "poetry.lock"}, "file is 'poetry.lock'; its name must be Pipfile.lock, "),
        (
            {"packages": ["flask", "-r x.txt"]},
            "packages[1] must be a package as pip takes it, such as flask or flask==3.1.3, and no option",
        ),
        ({"packages": ["flask\n--pre"]}, "packages[0] must be a package"),
        ({"packages": [""]}, "packages[0] must be a package"),
        ({"gunicorn_version": ">=20"}, "gunicorn_version is '>=20'; it must be a version such as 27.0.1"),
        (
            {"python": "3.1"},
            "python is '3.1'; it must be a version in quotes, such as '3.12' (without them YAML makes 3.1 of 3.10), or the path",
        ),
        ({"python": "python3.12"}, "python is 'python3.12'; it must be a version in quotes"),
        ({"build_packages": ["libpq-dev=15"]}, "build_packages has 'libpq-dev=15'; name Debian packages alone, as in [libpq-dev, build-e"),
        (
            {"wheels": "../wheels"},
            "wheels is '../wheels'; it must be a directory within the source, or one of the host such as /srv/wheels",
        ),
        ({"wheels": "my wheels"}, "wheels is 'my wheels'; it must be a directory within the source"),
        ({"index_url": "user:pass@pypi"}, "index_url must be a URL such as https://user:password@pypi.example.com/simple"),
        ({"environment": {"PIP_PRE": True}}, "environment.PIP_PRE is bool, and a variable holds text; put the value in quotes"),
    ],
)
def test_a_wish_that_cannot_be_met_is_told(wish: dict[str, Any], problem: str) -> None:
    (found,) = find_dependency_problems(_NOTHING | wish, "dependencies.")
    assert found.startswith(f"dependencies.{problem}")
    assert "pass@" not in found


@pytest.mark.parametrize(
    "wish",
    [
        {},
        {"file": "none"},
        {"file": "services/web/requirements/prod.txt"},
        {"packages": ["flask", "psycopg[binary]==3.2.3", "thing @ git+https://example.com/thing.git"]},
        {"gunicorn_version": "20.1.0"},
        {"python": "3.12"},
        {"python": "/opt/python/bin/python3"},
        {"build_packages": ["libpq-dev", "g++"]},
        {"wheels": "vendor/wheels"},
        {"wheels": "/srv/wheels"},
        {"index_url": "https://user:password@pypi.example.com/simple"},
        {"environment": {"PIP_RETRIES": 1, "TOKEN": "x"}},
    ],
)
def test_a_wish_that_can_be_met_passes(wish: dict[str, Any]) -> None:
    assert list(find_dependency_problems(_NOTHING | wish)) == []
