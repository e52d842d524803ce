"""Where gunicorn finds the app: `wsgi:app`."""

from application import app

__all__ = ["app"]
