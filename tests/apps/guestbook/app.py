"""A guest book: templates, a static folder, and a form that is posted. It starts as `app:app`."""

from flask import Flask, render_template, request

app = Flask(__name__)


@app.route("/", methods=["GET", "POST"])
def guest_book():
    name = request.form.get("name", "").strip() if request.method == "POST" else ""
    return render_template("guest_book.html", name=name)


@app.route("/where")
def where():
    """Tell under which address the app believes it is reached."""
    return {"url": request.url, "client": request.remote_addr, "forwarded": request.headers.get("X-Forwarded-For", "")}
