"""A WSGI callable that needs nothing at all. The file gunicorn.py beside it is not that gunicorn."""


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"bare, by {environ['wsgi.url_scheme']}\n".encode()]
