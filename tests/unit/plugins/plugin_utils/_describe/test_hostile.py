"""A repository may be anybody's: it is read, nothing of it runs, and what is written is always YAML that Ansible takes as it is meant."""

from __future__ import annotations

import os
import re
import subprocess
import time
from typing import TYPE_CHECKING

import pytest
import yaml
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.plugin_utils._describe.dependencies import sections
from ansible_collections.webstack.flask.plugins.plugin_utils._describe.description import Origin, describe
from ansible_collections.webstack.flask.plugins.plugin_utils._describe.origins import clone, is_url
from ansible_collections.webstack.flask.plugins.plugin_utils._describe.starts import load_yaml
from ansible_collections.webstack.flask.plugins.plugin_utils._describe.tree import DEEPEST, LARGEST_CODE, read_tree
from unit.described import FLASK, ORIGIN, entry_of, read

if TYPE_CHECKING:
    from pathlib import Path

PIP = {"requirements.txt": "flask\n"}


def write(top: Path, files: dict[str, str]) -> None:
    for path, text in files.items():
        (top / path).parent.mkdir(parents=True, exist_ok=True)
        (top / path).write_text(text)


def test_nothing_is_imported_or_run(tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    write(tmp_path / "shop", {**PIP, "app.py": f"{FLASK}open({str(mark)!r}, 'w')\n", "setup.py": f"open({str(mark)!r}, 'w')\n"})
    assert describe(read_tree(tmp_path / "shop"), ORIGIN).entry["wsgi"] == "app:app"
    assert not mark.exists()


@pytest.mark.parametrize(
    "text",
    [
        "def broken(:\n",
        "x = " + "(" * 5000 + ")" * 5000,
        "x = " + "-" * 50_000 + "1",
        "\0\1\2",
        "\ud800".encode("utf-8", "surrogatepass").decode("utf-8", "replace"),
        "a = b'" + "\\x" * 50,
    ],
    ids=["syntax", "nested", "signs", "binary", "surrogate", "escape"],
)
def test_what_cannot_be_parsed_is_passed_over(text: str) -> None:
    assert entry_of({**PIP, "app.py": FLASK, "b.py": text}) == {"wsgi": "app:app"}


def test_a_file_that_was_passed_over_is_named() -> None:
    assert "odd\\x1bname.py cannot be parsed" in read({**PIP, "app.py": FLASK, "odd\x1bname.py": "("}).text


def test_an_expression_that_is_deep_when_it_is_read_ends() -> None:
    deep = "p = 'a'" + " + 'a'" * 900
    circle = "a = b\nb = a\nopen(a, 'w')\nimport shop\nfrom app import y\n"
    assert entry_of(
        {
            **PIP,
            "app.py": f"{FLASK}{deep}\nopen(p, 'w')\n{circle}from shop import z as y\nopen(y, 'w')\n",
            "shop.py": "from app import y as z\n",
        }
    ) == {"wsgi": "app:app"}


def test_modules_that_import_each_other_s_app_end() -> None:
    entry = entry_of({**PIP, "a.py": "from b import make\napp = make()\n", "b.py": "from a import make\n", "c.py": FLASK})
    assert entry == {"wsgi": "c:app"}


def test_links_out_of_the_repository_are_not_followed(tmp_path: Path) -> None:
    write(tmp_path, {"secret/app.py": FLASK, "shop/requirements.txt": "flask\n", "shop/main.py": FLASK})
    (tmp_path / "shop" / "app.py").symlink_to(tmp_path / "secret" / "app.py")
    (tmp_path / "shop" / "more").symlink_to(tmp_path / "secret")
    (tmp_path / "shop" / "loop").symlink_to(tmp_path / "shop" / "loop")
    tree = read_tree(tmp_path / "shop")
    assert tree.files == ("main.py", "requirements.txt")
    assert [remark for remark in tree.remarks if "out of the repository" in remark and "app.py" in remark]


def test_pipes_large_files_and_deep_directories_are_passed_over(tmp_path: Path) -> None:
    write(tmp_path, {**PIP, "app.py": FLASK, "large.py": f"{FLASK}#{'x' * LARGEST_CODE}", "/".join(["d"] * (DEEPEST + 2)) + "/a.py": FLASK})
    os.mkfifo(tmp_path / "Procfile")
    found = describe(read_tree(tmp_path), ORIGIN)
    assert found.entry["wsgi"] == "app:app"
    assert f"more than {DEEPEST} directories deep" in found.text


def test_what_git_ignores_is_no_part_of_it_and_no_program_of_its_settings_runs(tmp_path: Path) -> None:
    top, mark = tmp_path / "shop", tmp_path / "ran"
    write(top, {**PIP, "app.py": FLASK, ".env": "SECRET=1\n", ".gitignore": ".env\n/out/\n", "out/main.py": FLASK})
    subprocess.run(["git", "init", "--quiet", str(top)], check=True)
    (top / ".git" / "config").write_text(f"[core]\n\tfsmonitor = touch {mark}; false\n\tsshCommand = touch {mark}\n")
    assert read_tree(top).files == (".gitignore", "app.py", "requirements.txt")
    assert not mark.exists()


@pytest.mark.parametrize(
    "files",
    [
        {"Procfile": "web: gunicorn app:app\nworker: echo '# \u202e: [x'\n"},
        {"docker-compose.yml": "services: {a: {command: 'celery -A \"x: [y\" worker'}}\n"},
        {"Procfile": 'web: A=\'{{ lookup("pipe", "id") }}\' gunicorn app:app\n'},
        {"docker-compose.yml": 'services: {a: {command: \'celery -A {{ lookup("pipe", "id") }} worker\'}}\n'},
        {"Dockerfile": "CMD gunicorn --env A={{x}} --chdir ../.. app:app\n"},
        {".env.example": "A={{ lookup('pipe', 'id') }}\n", "x.py": "import os\nos.environ['A']\n"},
        {"x.py": "import os\nos.environ['A\\nB: c']\nos.environ['{{ x }}']\n"},
        {"x.py": "import logging\nlogging.FileHandler('{{ x }}/a: b.log')\nlogging.FileHandler('a\\x1b[31m.log')\n"},
        {"shop/{{ x }}.py": "x = (\n"},
        {"app.py": "from flask import Flask\napp = Flask('b', static_folder='{{ x }}')\n", "{{ x }}/a.css": ""},
        {".flaskenv": "X={{ lookup('pipe', 'id') }}\n"},
        {"pyproject.toml": '[project]\nname = "{{ x }}"\n'},
        {"app.yaml": "entrypoint: gunicorn -b :$PORT 'app:app'\n"},
    ],
    ids=range(13),
)
def test_whatever_a_repository_says_the_entry_can_be_loaded_and_has_no_braces_of_its(files: dict[str, str]) -> None:
    found = read({**PIP, "app.py": FLASK, **files})
    assert re.findall(r"\{[{%#]", re.sub(r"\{\{ (vault_)?shop_\w+ \}\}", "", yaml.safe_dump(found.entry))) == []
    assert found.text.replace("\n", "").isprintable()


def test_a_path_with_braces_is_refused() -> None:
    with pytest.raises(UserError, match="has braces"):
        read({**PIP, "app.py": FLASK}, Origin({"path": "/srv/{{ x }}"}, "x", "here"))


def test_texts_that_are_made_to_take_long_do_not() -> None:
    begun = time.process_time()
    for text in (" " * 400_000, "\n" * 400_000, "[" + " " * 400_000, "flask " * 60_000, "\\\n" * 200_000, "`" * 300_000, "a = [" * 60_000):
        sections(text)
        names = ("README.md", "run.sh", "Makefile", "Procfile", "Dockerfile", "railway.toml", "Pipfile", ".env.example", ".flaskenv")
        read({**PIP, "app.py": FLASK, **dict.fromkeys(names, text)})
    assert time.process_time() - begun < 60


def test_yaml_that_grows_is_not_expanded() -> None:
    bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
    )
    assert len(str(load_yaml(bomb))) < 1000
    assert load_yaml("x: !!python/object/apply:os.system [id]") is None


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("https://example.com/a.git", True),
        ("git@example.com:team/a.git", True),
        ("ssh://git@example.com/a", True),
        ("file:///srv/a.git", True),
        ("../shop", False),
        ("/srv/shop", False),
        ("~/shop", False),
        ("ext::sh -c id", False),
        ("--upload-pack=id", False),
    ],
)
def test_what_a_url_is(source: str, expected: bool) -> None:  # noqa: FBT001 - a row of the table
    assert is_url(source) is expected


def repository(top: Path) -> str:
    write(top, {**PIP, "app.py": FLASK})
    for command in (
        ["init", "--quiet", "--initial-branch=trunk"],
        ["add", "."],
        ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "-m", "x"],
    ):
        subprocess.run(["git", "-C", str(top), *command], check=True)
    return f"file://{top}"


def test_a_repository_is_cloned_without_its_hooks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shop").mkdir()
    url, mark = repository(tmp_path / "shop"), tmp_path / "ran"
    hook = tmp_path / "template" / "hooks" / "post-checkout"
    write(tmp_path, {"template/hooks/post-checkout": f"#!/bin/sh\ntouch {mark}\n"})
    hook.chmod(0o755)
    monkeypatch.setenv("GIT_TEMPLATE_DIR", str(tmp_path / "template"))
    write(tmp_path, {".gitconfig": f"[core]\n\thooksPath = {hook.parent}\n"})
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    origin = clone(url, "", tmp_path / "clone")
    assert (origin.source, origin.name) == ({"git": url, "version": "trunk"}, "shop")
    assert describe(read_tree(tmp_path / "clone"), origin).entry["source"] == {"git": url, "version": "trunk"}
    assert not mark.exists()


@pytest.mark.parametrize(("version", "said"), [("gone", "gone"), ("--upload-pack=id", "must be a branch or a tag")])
def test_a_version_that_is_not_there_is_told(tmp_path: Path, version: str, said: str) -> None:
    (tmp_path / "shop").mkdir()
    with pytest.raises(UserError, match=said):
        clone(repository(tmp_path / "shop"), version, tmp_path / "clone")


def test_the_password_of_a_url_is_written_nowhere(tmp_path: Path) -> None:
    url = "https://deploy:hunter2@127.0.0.1:1/shop.git"
    with pytest.raises(UserError) as caught:
        clone(url, "", tmp_path / "clone")
    assert "hunter2" not in str(caught.value)
    found = read({**PIP, "app.py": FLASK}, Origin({"git": url, "version": "main"}, "shop", "the repository"))
    assert "hunter2" not in found.text
    assert found.vault == ["vault_shop_git"]


def test_a_repository_by_ssh_asks_for_a_key_and_the_server_s() -> None:
    found = read({**PIP, "app.py": FLASK}, Origin({"git": "git@example.com:shop.git", "version": "main"}, "shop", "the repository"))
    assert (found.vault, found.to_fill) == (["vault_shop_ssh_key"], ["shop_known_hosts"])
