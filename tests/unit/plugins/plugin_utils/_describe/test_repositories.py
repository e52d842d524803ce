"""What is written for repositories in the shapes that people bring: the whole entry, as a reader of the documentation would write it."""

from __future__ import annotations

from typing import Any

import pytest
from unit.described import FLASK, entry_of

DJANGO = {
    "requirements.txt": "Django==5.2\npsycopg[binary]\n",
    "manage.py": "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'site.settings')\nimport django\n",
    "shop/__init__.py": "",
    "shop/wsgi.py": "from django.core.wsgi import get_wsgi_application\napplication = get_wsgi_application()\n",
    "shop/asgi.py": "from django.core.asgi import get_asgi_application\napplication = get_asgi_application()\n",
    "shop/settings.py": """
        import os
        from pathlib import Path
        BASE_DIR = Path(__file__).resolve().parent.parent
        SECRET_KEY = os.environ["SECRET_KEY"]
        ALLOWED_HOSTS = os.environ.get("DJANGO_ALLOWED_HOSTS", "").split(",")
        DATABASES = {"default": {"ENGINE": "django.db.backends.postgresql", "NAME": os.environ["DB_NAME"],
                                 "USER": os.environ["DB_USER"], "HOST": os.environ["DB_HOST"]}}
        STATIC_URL = "static/"
        STATIC_ROOT = BASE_DIR / "staticfiles"
        MEDIA_URL = "/media/"
        MEDIA_ROOT = os.path.join(BASE_DIR, "media")
    """,
}

TUTORIAL = {
    "pyproject.toml": """
        [project]
        name = "flaskr"
        version = "1.0.0"
        dependencies = [
            "flask",  # with a comment ]
        ]
        [build-system]
        requires = ["flit_core<4"]
        build-backend = "flit_core.buildapi"
    """,
    "flaskr/__init__.py": """
        import os
        from flask import Flask
        def create_app(test_config=None):
            app = Flask(__name__, instance_relative_config=True)
            app.config.from_mapping(SECRET_KEY="dev", DATABASE=os.path.join(app.instance_path, "flaskr.sqlite"))
            os.makedirs(app.instance_path, exist_ok=True)
            @app.route("/hello")
            def hello():
                return "Hello, World!"
            return app
    """,
    "tests/test_factory.py": "from flaskr import create_app\n",
}

MEGATUTORIAL = {
    "requirements.txt": "flask\nflask-sqlalchemy\nflask-migrate\npsycopg2-binary\nredis\nrq\n",
    "microblog.py": "from app import create_app, db\napp = create_app()\n",
    "config.py": """
        import os
        basedir = os.path.abspath(os.path.dirname(__file__))
        class Config:
            SECRET_KEY = os.environ.get("SECRET_KEY") or "you-will-never-guess"
            SQLALCHEMY_DATABASE_URI = os.environ.get("DATABASE_URL") or "sqlite:///" + os.path.join(basedir, "app.db")
            REDIS_URL = os.environ.get("REDIS_URL") or "redis://"
            MAIL_SERVER = os.environ.get("MAIL_SERVER")
    """,
    "app/__init__.py": """
        from flask import Flask
        from flask_migrate import Migrate
        from config import Config
        db, migrate = None, Migrate()
        def create_app(config_class=Config):
            app = Flask(__name__)
            return app
    """,
    "migrations/env.py": "",
    "migrations/alembic.ini": "",
    "Procfile": "web: flask db upgrade; flask translate compile; gunicorn microblog:app\nworker: rq worker -u $REDIS_URL microblog-tasks\n",
    ".flaskenv": "FLASK_APP=microblog.py\n",
}

REPOSITORIES: dict[str, tuple[dict[str, str], dict[str, Any]]] = {
    "one file": ({"app.py": FLASK, "requirements.txt": "flask\n"}, {"wsgi": "app:app"}),
    "one file and no list of packages": ({"hello.py": FLASK}, {"wsgi": "hello:app", "dependencies": {"packages": ["flask"]}}),
    "a plain callable": (
        {"hello.py": "def application(environ, start_response):\n    return []\n"},
        {"wsgi": "hello:application", "dependencies": {"file": "none"}},
    ),
    "a factory in a package": (
        TUTORIAL,
        {"wsgi": "flaskr:create_app()", "shared": {"directories": ["instance"]}, "env": {}, "health": {"path": "/hello"}},
    ),
    "a Procfile, a queue and migrations": (
        MEGATUTORIAL,
        {
            "wsgi": "microblog:app",
            "env": {"SECRET_KEY": "{{ vault_shop_secret_key }}"},
            "database": "postgresql",
            "redis": True,
            "build_commands": ["flask translate compile"],
            "release_commands": ["flask db upgrade"],
            "processes": {"worker": "rq worker -u $REDIS_URL microblog-tasks"},
        },
    ),
    "Django": (
        DJANGO,
        {
            "wsgi": "shop.wsgi:application",
            "env": {
                "DB_NAME": "shop",
                "DB_USER": "shop",
                "DB_HOST": "/run/postgresql",
                "DJANGO_ALLOWED_HOSTS": "shop.test",
                "SECRET_KEY": "{{ vault_shop_secret_key }}",
            },
            "build_commands": ["python manage.py collectstatic --no-input"],
            "build_env": dict.fromkeys(("DB_HOST", "DB_NAME", "DB_USER", "SECRET_KEY"), "not-the-real-one"),
            "database": "postgresql",
            "release_commands": ["python manage.py migrate --no-input"],
            "shared": {"directories": ["media"]},
            "static": [{"url": "/static/", "paths": ["staticfiles"]}, {"url": "/media/", "paths": ["media"]}],
        },
    ),
    "FastAPI in a container": (
        {
            "requirements.txt": "fastapi\nuvicorn\nsqlalchemy\nasyncpg\nalembic\n",
            "app/main.py": "import fastapi\nfrom app.db import url\napp = fastapi.FastAPI()\n@app.get('/healthz')\ndef up(): ...\n",
            "app/db.py": "import os\nfrom sqlalchemy.ext import asyncio\nurl = asyncio.create_async_engine(os.environ['DATABASE_URL'])\n",
            "alembic.ini": "[alembic]\n",
            "Dockerfile": 'FROM python:3.12\nWORKDIR /code\nCMD ["uvicorn", "app.main:app", "--host", "0.0.0.0", "--workers", "4"]\n',
        },
        {
            "asgi": "app.main:app",
            "gunicorn": {"workers": 4},
            "database": {"engine": "postgresql", "scheme": "postgresql+asyncpg"},
            "release_commands": ["alembic upgrade head"],
            "health": {"path": "/healthz"},
        },
    ),
    "a package below src that is installed": (
        {
            "pyproject.toml": '[project]\nname = "shop"\ndependencies = ["flask"]\n[build-system]\nrequires = ["hatchling"]\n',
            "src/shop/__init__.py": FLASK,
        },
        {"wsgi": "shop:app"},
    ),
    "a package below src that is not installed": (
        {"requirements.txt": "flask\n", "src/shop/__init__.py": FLASK},
        {"python_path": ["src"], "wsgi": "shop:app"},
    ),
    "files beside one another in a directory": (
        {"requirements.txt": "flask\n", "web/app.py": f"import settings\n{FLASK}", "web/settings.py": ""},
        {"chdir": "web", "wsgi": "app:app"},
    ),
    "a directory that is imported by its name": (
        {"requirements.txt": "flask\n", "web/app.py": f"from web.settings import X\n{FLASK}", "web/settings.py": ""},
        {"wsgi": "web.app:app"},
    ),
    "modules in another directory": (
        {"requirements.txt": "flask\n", "web/app.py": f"import words\n{FLASK}", "libraries/words.py": ""},
        {"chdir": "web", "python_path": ["libraries"], "wsgi": "app:app"},
    ),
    "a lock of poetry": (
        {
            "pyproject.toml": '[tool.poetry]\npackage-mode = false\n[tool.poetry.dependencies]\npython = "^3.11"\nquart = "*"\n',
            "poetry.lock": '[[package]]\nname = "quart"\n',
            "main.py": "from quart import Quart as Q\napi = Q(__name__)\n",
        },
        {"asgi": "main:api"},
    ),
    "requirements for production": (
        {"requirements/base.txt": "flask\n", "requirements/prod.txt": "-r base.txt\n", "requirements/dev.txt": "pytest\n", "app.py": FLASK},
        {"wsgi": "app:app", "dependencies": {"file": "requirements/prod.txt"}},
    ),
    "uploads, and how large they may be": (
        {
            "requirements.txt": "flask\npython-magic\n",
            "app.py": """
                import os
                from flask import Flask, request
                app = Flask(__name__)
                app.config["UPLOAD_FOLDER"] = os.path.join(app.root_path, "uploads")
                app.config["MAX_CONTENT_LENGTH"] = 16 * 1024 * 1024
                @app.post("/")
                def upload():
                    request.files["f"].save(os.path.join(app.config["UPLOAD_FOLDER"], request.files["f"].filename))
            """,
        },
        {
            "wsgi": "app:app",
            "dependencies": {"build_packages": ["file"]},
            "shared": {"directories": ["uploads"]},
            "nginx": {"client_max_body_size": "16m"},
        },
    ),
    "SQLite whose tables a script makes": (
        {
            "requirements.txt": "flask-sqlalchemy\n",
            "app.py": """
                from flask import Flask
                from flask_sqlalchemy import SQLAlchemy
                app = Flask(__name__)
                app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite:///shop.db"
                db = SQLAlchemy(app)
                if __name__ == "__main__":
                    with app.app_context():
                        db.create_all()
                    app.run(debug=True)
            """,
        },
        {
            "wsgi": "app:app",
            "release_commands": ["python -c 'from app import app, db; app.app_context().push(); db.create_all()'"],
            "shared": {"directories": ["instance"]},
        },
    ),
    "Celery with a clock": (
        {
            "requirements.txt": "flask\ncelery[redis]\n",
            "shop/__init__.py": FLASK,
            "shop/tasks.py": """
                import os
                from celery import Celery
                queue = Celery("shop", broker=os.environ["CELERY_BROKER_URL"])
                queue.conf.beat_schedule = {}
            """,
        },
        {
            "wsgi": "shop:app",
            "env": {"CELERY_BROKER_URL": "redis+socket:///run/webstack-flask/redis/shop/redis.sock?virtual_host=0"},
            "redis": True,
            "processes": {
                "worker": {"command": "celery -A shop.tasks worker", "drain": 600},
                "beat": {"command": 'celery -A shop.tasks beat --schedule "$HOME/celerybeat-schedule"', "exclusive": True},
            },
        },
    ),
    "Socket.IO": (
        {"requirements.txt": "flask\nflask-socketio\n", "app.py": f"from flask_socketio import SocketIO\n{FLASK}io = SocketIO(app)\n"},
        {"wsgi": "app:app", "gunicorn": {"worker_class": "gthread", "workers": 1, "threads": 50}},
    ),
    "a compose file with a worker": (
        {
            "requirements.txt": "flask\nrq\nredis\n",
            "app.py": f"import os\nURL = os.environ['REDIS_URL']\n{FLASK}",
            "docker-compose.yml": """
                services:
                  web: {build: ., command: gunicorn -w 2 -b :8000 app:app}
                  worker: {build: ., command: rq worker high low}
                  redis: {image: redis, command: redis-server --appendonly yes}
            """,
        },
        {"wsgi": "app:app", "gunicorn": {"workers": 2}, "redis": True, "processes": {"worker": "rq worker high low"}},
    ),
    "nothing but workers": (
        {"requirements.txt": "celery\n", "Procfile": "bot: python bot.py\n", "bot.py": "print()\n"},
        {"processes": {"bot": "python bot.py"}},
    ),
    "a README alone tells which of two": (
        {"requirements.txt": "flask\n", "one.py": FLASK, "two.py": FLASK, "README.md": "Run it:\n\n    flask --app two run --debug\n"},
        {"wsgi": "two:app"},
    ),
    "settings by pydantic": (
        {
            "requirements.txt": "fastapi\npydantic-settings\n",
            "main.py": """
                from fastapi import FastAPI
                from pydantic_settings import BaseSettings
                class Settings(BaseSettings):
                    model_config = dict(env_prefix="SHOP_")
                    api_key: str
                    region: str
                    size: int = 5
                app = FastAPI()
            """,
            ".env.example": "SHOP_REGION=eu-north-1\nSHOP_API_KEY=abcdef\n",
        },
        {"asgi": "main:app", "env": {"SHOP_API_KEY": "{{ vault_shop_api_key }}", "SHOP_REGION": "eu-north-1"}},
    ),
    "static files with an address of their own": (
        {
            "requirements.txt": "flask\n",
            "shop/__init__.py": "from flask import Flask\napp = Flask(__name__, static_folder='assets', static_url_path='/a')\n",
            "shop/assets/s.css": "",
        },
        {"wsgi": "shop:app", "static": [{"url": "/a/", "paths": ["shop/assets"]}]},
    ),
    "files of FastAPI": (
        {
            "requirements.txt": "fastapi\n",
            "main.py": """
                from fastapi import FastAPI
                from fastapi.staticfiles import StaticFiles
                app = FastAPI()
                app.mount("/files", StaticFiles(directory="public"), name="files")
            """,
            "public/a.txt": "",
        },
        {"asgi": "main:app", "static": [{"url": "/files/", "paths": ["public"]}]},
    ),
}


@pytest.mark.parametrize(("files", "expected"), list(REPOSITORIES.values()), ids=list(REPOSITORIES))
def test_the_entry_is_what_a_reader_would_write(files: dict[str, str], expected: dict[str, Any]) -> None:
    assert entry_of(files) == {key: value for key, value in expected.items() if value != {}}
