"""Hints know what the source of a release has."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._release.hints import find_hints
from ansible_collections.webstack.flask.plugins.module_utils._release.host import REAL
from ansible_collections.webstack.flask.plugins.module_utils._release.source import Source

CONF = """import os
wsgi_app = 'shop:make'
chdir = os.path.realpath(os.path.join(os.path.dirname(__file__), "app", 'web'))
"""


@pytest.fixture
def release(tmp_path: Path) -> Path:
    files = {
        "gunicorn.conf.py": CONF,
        "app/web/shop/__init__.py": "from flask import Flask\n\ndef create_app():\n    app = Flask(__name__)\n    return app\n",
        "app/web/main.py": "site = Flask(__name__)\nx = 1\n",
        "app/src/lib/tools.py": "",
        "app/libs/billing/__init__.py": "",
        "app/.venv/hidden.py": "",
        "app/web/here.py": "",
        "app/a b/odd.py": "",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def hint(release: Path, line: str) -> str:
    (found,) = find_hints([line], "/var/www/shop", source=Source.of(REAL, release))
    return found


@pytest.mark.parametrize(("module", "directory"), [("tools", "src/lib"), ("billing.models", "libs")])
def test_a_missing_module_that_the_source_has_elsewhere_is_told_with_its_directory(release: Path, module: str, directory: str) -> None:
    found = hint(release, f"ModuleNotFoundError: No module named '{module}'")
    assert f"`python_path: [{directory}]`" in found
    assert f"`source: {{subdirectory: {directory}}}`" in found


@pytest.mark.parametrize("module", ["hidden", "here", "redis", "odd"])
def test_other_missing_modules_are_requirements(release: Path, module: str) -> None:
    assert "add the package" in hint(release, f"ModuleNotFoundError: No module named '{module}'")


def test_what_a_module_has_is_named_when_wsgi_names_something_else(release: Path) -> None:
    assert "; shop has `shop:create_app()`" in hint(release, "Failed to find attribute 'application' in 'shop'.")
    assert "; main has `main:site`" in hint(release, "Failed to find attribute 'app' in 'main'.")
    (release / "app/web/main.py").write_text("site = Flask(1)\n" + "#" * (256 << 10), encoding="utf-8")
    assert "; main has" not in hint(release, "Failed to find attribute 'app' in 'main'.")


@pytest.mark.parametrize(
    "takes", ["takes 0 positional arguments but 2 were given", "takes from 0 to 1 positional arguments but 3 were given"]
)
def test_a_factory_that_is_named_as_the_app_has_the_line_to_write(release: Path, takes: str) -> None:
    assert "write `wsgi: shop:make()`" in hint(release, f"TypeError: make() {takes}")
    assert find_hints([f"TypeError: other() {takes}"], "/var/www/shop", source=Source.of(REAL, release)) == []
