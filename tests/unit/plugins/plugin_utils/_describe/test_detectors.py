"""Each thing that is found, and beside it what looks like it and is none."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from unit.described import FLASK, ORIGIN, entry_of, read

PIP = {"requirements.txt": "flask\n"}


def app(text: str = "", packages: str = "flask", **files: str) -> dict[str, str]:
    return {"requirements.txt": packages.replace(" ", "\n"), "app.py": f"import os\n{FLASK}{text}", **files}


def value_of(entry: dict[str, Any], key: str) -> object:
    value: Any = entry
    for part in key.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


TWINS: dict[str, tuple[str, dict[str, str], object, dict[str, str], object]] = {
    "a name for Flask": ("wsgi", PIP | {"a.py": "from flask import Flask as F\nx = F('x')\n"}, "a:x", PIP | {"a.py": FLASK}, "a:app"),
    "a class of one's own": (
        "wsgi",
        PIP | {"a.py": "import flask\nclass Mine(flask.Flask): ...\nweb = Mine(__name__)\n"},
        "a:web",
        PIP | {"a.py": f"class Mine: ...\nweb = Mine()\n{FLASK}"},
        "a:app",
    ),
    "what runs only as a script": (
        "wsgi",
        PIP | {"a.py": FLASK, "b.py": f"if __name__ == '__main__':\n    {'; '.join(FLASK.splitlines())}\n"},
        "a:app",
        PIP | {"a.py": "", "b.py": f"if True:\n    {'; '.join(FLASK.splitlines())}\n"},
        "b:app",
    ),
    "what imports the other one": (
        "wsgi",
        PIP | {"main.py": f"from admin import app as admin\n{FLASK}", "admin.py": FLASK},
        "main:app",
        PIP | {"main.py": FLASK, "admin.py": "app = object()\n"},
        "main:app",
    ),
    "a file for servers": (
        "wsgi",
        PIP | {"shop/__init__.py": FLASK, "wsgi.py": "from shop import app as application\n"},
        "wsgi:application",
        PIP | {"shop/__init__.py": FLASK, "run.py": "from shop import app\napp.run()\n"},
        "shop:app",
    ),
    "a file for servers beside another one": (
        "wsgi",
        PIP | {"shop.py": FLASK, "run.py": "from flask import Flask\napp = Flask('x')\n", "wsgi.py": "from shop import app\n"},
        "wsgi:app",
        PIP | {"shop.py": FLASK, "wsgi.py": "import shop\n"},
        "shop:app",
    ),
    "a wrapper": (
        "asgi",
        {
            "requirements.txt": "fastapi",
            "a.py": "import socketio\nfrom fastapi import FastAPI\napp = FastAPI()\nall = socketio.ASGIApp(1, app)\n",
        },
        "a:all",
        {"requirements.txt": "fastapi", "a.py": "from fastapi import FastAPI\napp = FastAPI()\napp = object.__init__(app)\n"},
        "a:app",
    ),
    "Channels": (
        "asgi",
        {
            "requirements.txt": "django",
            "manage.py": "",
            "s/wsgi.py": "from django.core.wsgi import get_wsgi_application\napplication = get_wsgi_application()\n",
            "s/asgi.py": "from channels.routing import ProtocolTypeRouter\napplication = ProtocolTypeRouter({})\n",
        },
        "s.asgi:application",
        {
            "requirements.txt": "django",
            "manage.py": "",
            "s/wsgi.py": "from django.core.wsgi import get_wsgi_application\napplication = get_wsgi_application()\n",
            "s/asgi.py": "from django.core.asgi import get_asgi_application\napplication = get_asgi_application()\n",
        },
        None,
    ),
    "a server of the Procfile": (
        "wsgi",
        app("other = app\n", Procfile="web: gunicorn app:other\n"),
        "app:other",
        app("other = app\n", Procfile="web: gunicorn gone:x\n"),
        "app:other",
    ),
    "uvicorn in a script": (
        "asgi",
        {
            "requirements.txt": "fastapi",
            "a/m.py": "from fastapi import FastAPI\nx = FastAPI()\ny = FastAPI()\n",
            "a/__init__.py": "",
            "run.py": "import uvicorn\nuvicorn.run('a.m:y')\n",
        },
        "a.m:y",
        {
            "requirements.txt": "fastapi",
            "a/m.py": "from fastapi import FastAPI\ny = FastAPI()\n",
            "a/__init__.py": "",
            "run.py": "import uvicorn\nuvicorn.run('a.m:gone.x')\n",
        },
        "a.m:y",
    ),
    "psycopg2": (
        "dependencies.build_packages",
        app(packages="flask psycopg2"),
        ["build-essential", "python3-dev", "libpq-dev"],
        app(packages="flask psycopg2-binary"),
        None,
    ),
    "psycopg": ("dependencies.build_packages", app(packages="flask psycopg"), ["libpq5"], app(packages="flask psycopg[binary]"), None),
    "OpenCV": (
        "dependencies.build_packages",
        app(packages="flask opencv-python"),
        ["libgl1", "libglib2.0-bin"],
        app(packages="flask opencv-python-headless"),
        None,
    ),
    "mysqlclient": (
        "dependencies.build_packages",
        app(packages="flask MySQLClient"),
        ["build-essential", "python3-dev", "default-libmysqlclient-dev", "pkg-config"],
        app(packages="flask PyMySQL"),
        None,
    ),
    "a log": (
        "shared.files",
        app("import logging\nlogging.FileHandler('shop.log')\n"),
        ["shop.log"],
        app("import logging\nlogging.FileHandler('/var/log/shop.log')\n"),
        None,
    ),
    "a file that is written": ("shared.files", app("open('count.txt', 'w')\n"), ["count.txt"], app("open('count.txt')\n"), None),
    "sqlite3": (
        "shared.directories",
        app("import sqlite3\nsqlite3.connect('data/a.db')\n"),
        ["data"],
        app("import sqlite3\nsqlite3.connect(':memory:')\n"),
        None,
    ),
    "SQLite beside code": (
        "shared.files",
        app("import sqlite3\nsqlite3.connect(os.path.join(os.path.dirname(__file__), 'shop', 'a.db'))\n", **{"shop/x.py": ""}),
        ["shop/a.db"],
        app("import sqlite3\nsqlite3.connect(os.path.join(os.path.dirname(__file__), '..', 'a.db'))\n"),
        None,
    ),
    "a directory of code": (
        "shared.directories",
        app("os.makedirs('out')\n"),
        ["out"],
        app("os.makedirs('shop')\n", **{"shop/x.py": ""}),
        None,
    ),
    "a temporary file": ("shared.files", app("open('a.csv', 'wb')\n"), ["a.csv"], app("open('/tmp/a.csv', 'wb')\n"), None),
    "a variable that must be there": (
        "env",
        app("X = os.environ['MAIL_SERVER']\n"),
        {"MAIL_SERVER": "{{ shop_mail_server }}"},
        app("X = os.getenv('MAIL_SERVER')\n"),
        None,
    ),
    "a variable that is tried": (
        "env",
        app("X = os.environ['A']\n"),
        {"A": "{{ shop_a }}"},
        app("try:\n    X = os.environ['A']\nexcept KeyError: ...\n"),
        None,
    ),
    "a secret": (
        "env",
        app("X = os.environ['API_TOKEN']\n"),
        {"API_TOKEN": "{{ vault_shop_api_token }}"},
        app("X = os.environ.get('API_TOKEN', '')\n"),
        None,
    ),
    "a key with a default": (
        "env",
        app("K = os.getenv('SECRET_KEY', 'dev')\n"),
        {"SECRET_KEY": "{{ vault_shop_secret_key }}"},
        app("K = os.getenv('SORT_KEY', 'dev')\n"),
        None,
    ),
    "environs": (
        "env",
        app("from environs import Env\nenv = Env()\nX = env.str('REGION')\n"),
        {"REGION": "{{ shop_region }}"},
        app("env = {}\nX = env.get('REGION')\nfrom environs import Env\ne = Env()\nY = e.int('SIZE', 3)\n"),
        None,
    ),
    "decouple": (
        "env",
        app("from decouple import config\nX = config('REGION')\n"),
        {"REGION": "{{ shop_region }}"},
        app("from decouple import config\nX = config('REGION', default='eu')\n"),
        None,
    ),
    "variables of the source": (
        "env_files",
        app(**{".flaskenv": "FLASK_APP=app\nCOLOUR=red\n"}),
        [".flaskenv"],
        app(**{".flaskenv": "FLASK_APP=app\nFLASK_DEBUG=1\n"}),
        None,
    ),
    "where the key is taken from": (
        "env",
        app("app.config['SECRET_KEY'] = os.environ.get('SHOP_SEED', 'dev')\n"),
        {"SHOP_SEED": "{{ vault_shop_seed }}"},
        app("app.config['SEED'] = os.environ.get('SHOP_SEED', 'dev')\n"),
        None,
    ),
    "settings that are made of others": (
        "env",
        app("from pydantic_settings import BaseSettings\nclass A(BaseSettings): ...\nclass C(A):\n    region: str\n"),
        {"REGION": "{{ shop_region }}"},
        app("class A: ...\nclass C(A):\n    region: str\n"),
        None,
    ),
    "the names under which Django answers": (
        "env",
        app("H = os.getenv('ALLOWED_HOSTS', '').split(',')\n"),
        {"ALLOWED_HOSTS": "shop.test"},
        app("from pydantic_settings import BaseSettings\nclass C(BaseSettings):\n    allowed_hosts: list[str] = []\n"),
        None,
    ),
    "a script in front of a container's command": (
        "gunicorn",
        app(Dockerfile='ENTRYPOINT ["/start"]\nCMD ["gunicorn", "-w", "3", "app:app"]\n'),
        {"workers": 3},
        app(Dockerfile='ENTRYPOINT ["/start"]\nCMD ["python", "app.py"]\n'),
        None,
    ),
    "a tool in front of a command": (
        "release_commands",
        app(Procfile="release: poetry run flask db upgrade\n"),
        ["flask db upgrade"],
        app(Procfile="release: uv run --with x flask db upgrade\n"),
        ["uv run --with x flask db upgrade"],
    ),
    "SQLite instead of a database": (
        "shared.files",
        app("import sqlalchemy\nsqlalchemy.create_engine(os.getenv('DATABASE_URL') or 'sqlite:///a.db')\n"),
        ["a.db"],
        app("import sqlalchemy\nsqlalchemy.create_engine(os.getenv('DATABASE_URL') or 'sqlite:///a.db')\n", "flask psycopg2-binary"),
        None,
    ),
    "PostgreSQL": (
        "database",
        app("U = os.environ['DATABASE_URL']\n", "flask psycopg2-binary"),
        "postgresql",
        app("U = os.getenv('DATABASE_URL', 'sqlite://')\n"),
        None,
    ),
    "psycopg 3 by SQLAlchemy": (
        "database",
        app("U = os.environ['DATABASE_URL']\n", "flask sqlalchemy psycopg[binary]"),
        {"engine": "postgresql", "scheme": "postgresql+psycopg"},
        app("U = os.environ['DATABASE_URL']\n", "flask psycopg[binary]"),
        "postgresql",
    ),
    "Redis": (
        "redis",
        app("U = os.environ['REDIS_URL']\n", "flask redis"),
        True,
        app("U = 'redis://localhost:6379'\n", "flask redis"),
        None,
    ),
    "Celery's URL": (
        "redis",
        app("U = os.environ['REDIS_URL']\n", "flask celery[redis]"),
        {"scheme": "redis+socket"},
        app("U = os.environ['REDIS_URL']\n", "flask rq"),
        True,
    ),
    "migrations": (
        "release_commands",
        app(packages="flask flask-migrate", **{"migrations/env.py": "", "migrations/alembic.ini": ""}),
        ["flask --app app db upgrade"],
        app(packages="flask flask-migrate"),
        None,
    ),
    "a health page": (
        "health.path",
        app("@app.get('/ping')\ndef p(): ...\n"),
        "/ping",
        app("@app.post('/ping')\ndef p(): ...\n@app.get('/')\ndef i(): ...\n"),
        None,
    ),
    "a page where / has none": (
        "health.path",
        app("@app.route('/start')\ndef p(): ...\n"),
        "/start",
        app("@app.route('/start/<int:x>')\ndef p(): ...\n"),
        None,
    ),
    "a page below a prefix": (
        "health.path",
        app("from flask import Blueprint\nb = Blueprint('b', __name__)\n@b.get('/health')\ndef p(): ...\napp.register_blueprint(b)\n"),
        "/health",
        app("import flask\nb = flask.Blueprint('b', 'b')\n@b.get('/health')\ndef p(): ...\napp.register_blueprint(b, url_prefix='/x')\n"),
        None,
    ),
    "large uploads": (
        "nginx.client_max_body_size",
        app("app.config['MAX_CONTENT_LENGTH'] = 5 * 1024**2\n"),
        "5m",
        app("app.config['MAX_CONTENT_LENGTH'] = 1024\n"),
        None,
    ),
    "Socket.IO": (
        "gunicorn",
        app(packages="flask flask-socketio"),
        {"worker_class": "gthread", "workers": 1, "threads": 50},
        app(packages="flask websockets"),
        None,
    ),
    "gunicorn's own file": (
        "gunicorn",
        app(**{"gunicorn.conf.py": "workers = 2\n"}),
        {"config": "gunicorn.conf.py"},
        app(**{"conf/gunicorn.conf.py": ""}),
        None,
    ),
    "static files where they always are": (
        "static",
        app("b = Flask('b', static_folder='assets')\n", **{"assets/a.css": ""}),
        [{"url": "/assets/", "paths": ["assets"]}],
        app("b = Flask('b', static_folder='static')\n", **{"static/a.css": ""}),
        None,
    ),
    "a static directory that git does not have": (
        "static",
        app("b = Flask('b', static_folder='dist')\n", **{"dist/a.js": ""}),
        [{"url": "/dist/", "paths": ["dist"]}],
        app("b = Flask('b', static_folder='dist')\n"),
        None,
    ),
    "requirements of another name": (
        "dependencies.file",
        {"requirements-prod.txt": "flask\n", "requirements-dev.txt": "pytest\n", "app.py": FLASK},
        "requirements-prod.txt",
        {"requirements.txt": "flask\n", "requirements-dev.txt": "pytest\n", "app.py": FLASK},
        None,
    ),
    "a pyproject.toml for tools alone": (
        "dependencies.packages",
        {"pyproject.toml": "[tool.ruff]\nline-length = 100\n", "app.py": FLASK},
        ["flask"],
        {"pyproject.toml": '[project]\nname = "x"\ndependencies = ["flask"]\n', "app.py": FLASK},
        None,
    ),
    "the only directory with an app": (
        "wsgi",
        {"backend/requirements.txt": "flask\n", "backend/app.py": FLASK, "frontend/package.json": "{}"},
        "app:app",
        {"requirements.txt": "flask\n", "backend/app.py": FLASK},
        "app:app",
    ),
}


@pytest.mark.parametrize(("key", "files", "expected", "twin", "other"), list(TWINS.values()), ids=list(TWINS))
def test_it_is_found_and_its_twin_is_not(key: str, files: dict[str, str], expected: object, twin: dict[str, str], other: object) -> None:
    assert (value_of(entry_of(files), key), value_of(entry_of(twin), key)) == (expected, other)


def test_a_directory_of_a_larger_repository_is_its_subdirectory() -> None:
    files = {"backend/requirements.txt": "flask\n", "backend/app.py": FLASK, "README.md": "cd backend; flask run"}
    assert read(files).entry["source"] == {**ORIGIN.source, "subdirectory": "backend"}


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({**PIP, "a.py": FLASK, "b.py": FLASK}, ["several things could be the app", "-e flask_wsgi=a:app", "-e flask_wsgi=b:app"]),
        (
            {"x/requirements.txt": "flask", "x/app.py": FLASK, "y/requirements.txt": "flask", "y/app.py": FLASK},
            ["several directories", "-e flask_subdirectory=x", "-e flask_subdirectory=y"],
        ),
        (
            {"requirements/a.txt": "flask", "requirements/b.txt": "flask", "app.py": FLASK},
            ["several files say what to install", "-e flask_dependencies_file=requirements/a.txt"],
        ),
        (
            {**PIP, "shop.py": "def create_app(config):\n    from flask import Flask\n    return Flask(config)\n"},
            ["shop:create_app, which cannot be called without config", "-e 'flask_wsgi=shop:create_app(…)'"],
        ),
        ({**PIP, "shop.py": "print()\n"}, ["no WSGI or ASGI app was found (requirements.txt was read)", "-e flask_wsgi=wsgi:app"]),
        (
            {"requirements.txt": "aiohttp", "a.py": "from aiohttp import web\napp = web.Application()\n"},
            ["aiohttp (a.py), which serves itself"],
        ),
    ],
)
def test_what_cannot_be_known_is_refused_with_what_chooses(files: dict[str, str], said: list[str]) -> None:
    with pytest.raises(UserError) as caught:
        read(files)
    assert [part for part in said if part not in str(caught.value)] == []


@pytest.mark.parametrize(
    ("given", "key", "expected"),
    [
        ({"wsgi": "a:app"}, "wsgi", "a:app"),
        ({"wsgi": "b:app", "name": "pub"}, "name", "pub"),
        ({"wsgi": "b:app", "server_names": ["x.example.com"]}, "server_names", ["x.example.com"]),
        ({"wsgi": "b:app", "dependencies_file": "other.txt"}, "dependencies", {"file": "other.txt"}),
    ],
)
def test_what_was_chosen_counts(given: dict[str, Any], key: str, expected: object) -> None:
    assert read({**PIP, "other.txt": "flask", "a.py": FLASK, "b.py": FLASK}, **given).entry[key] == expected
