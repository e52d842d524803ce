"""A server of a repository with a file in Git LFS: git over plain http, and the batch API of LFS."""

import hashlib
import json
import subprocess
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

TOP = Path("/srv/large")
CONTENT = b"\x89PNG" * 5000
OID = hashlib.sha256(CONTENT).hexdigest()
FILES = {
    ".gitattributes": "*.png filter=lfs diff=lfs merge=lfs -text\n",
    "static/logo.png": f"version https://git-lfs.github.com/spec/v1\noid sha256:{OID}\nsize {len(CONTENT)}\n",
    "wsgi.py": "app = None\n",
}


def make_repository() -> None:
    """Commit pointers as git-lfs does, which is not here."""
    for name, text in FILES.items():
        (TOP / "work" / name).parent.mkdir(parents=True, exist_ok=True)
        (TOP / "work" / name).write_text(text)
    (TOP / "content").write_bytes(CONTENT)
    settings = ("user.name=a", "user.email=a@b.test", "filter.lfs.clean=cat")
    git = ["git", "-C", str(TOP / "work"), *(word for setting in settings for word in ("-c", setting))]
    for words in (
        ["init", "--quiet"],
        ["add", "."],
        ["commit", "--quiet", "--message=x"],
        ["clone", "--quiet", "--bare", ".", "../shop.git"],
    ):
        subprocess.run([*git, *words], check=True)
    subprocess.run(["git", "-C", str(TOP / "shop.git"), "update-server-info"], check=True)


class Handler(SimpleHTTPRequestHandler):
    """Answers for the files of the repository, and says where the content is, as long as it is there."""

    def __init__(self, *arguments: object) -> None:
        """Serve what is below TOP."""
        super().__init__(*arguments, directory=str(TOP))

    def do_POST(self) -> None:
        """Answer a question for objects."""
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["objects"]
        here = {"actions": {"download": {"href": f"http://{self.headers['Host']}/content"}}}
        gone = {"error": {"code": 404, "message": "the object is gone"}}
        objects = [{**item, **(here if item["oid"] == OID and (TOP / "content").exists() else gone)} for item in asked]
        body = json.dumps({"transfer": "basic", "objects": objects}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/vnd.git-lfs+json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    make_repository()
    ThreadingHTTPServer(("", 8931), Handler).serve_forever()
