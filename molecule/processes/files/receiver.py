"""Somebody who is told: writes down what comes, the user that has sent it, and where on the host its secret can be read meanwhile."""

import http.server
import json
from pathlib import Path

SECRET = b"a-secret-word"


class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with Path("/var/lib/receiver/told.jsonl").open("a") as file:
            file.write(json.dumps({**body, "uid": find_user(self.client_address[1]), "seen": find_secret()}) + "\n")
        self.send_response(200)
        self.end_headers()


def find_user(port):
    """Return the number of the user who connects from a port: proc_net_tcp(5)."""
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[1].endswith(f":{port:04X}"):
            return int(fields[7])
    return None


def find_secret():
    """Return what shows the secret of whatever runs now."""
    files = [file for directory in Path("/proc").glob("[0-9]*") for file in (directory / "cmdline", directory / "environ")]
    return [str(file) for file in files if SECRET in read(file)]


def read(file):
    try:
        return file.read_bytes()
    except OSError:
        return b""


http.server.HTTPServer(("127.0.0.1", 8099), Receiver).serve_forever()
