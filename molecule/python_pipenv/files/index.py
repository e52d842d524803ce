"""A package index that asks for a user and a password: serves a directory by HTTP, on a port, with the credentials that a file has."""

import base64
import http.server
import sys
from pathlib import Path

PORT, DIRECTORY, CREDENTIALS = int(sys.argv[1]), sys.argv[2], Path(sys.argv[3]).read_text(encoding="utf-8")
EXPECTED = "Basic " + base64.b64encode(CREDENTIALS.encode()).decode()


class Handler(http.server.SimpleHTTPRequestHandler):
    def __init__(self, *arguments):
        super().__init__(*arguments, directory=DIRECTORY)

    def do_GET(self):
        if self.headers.get("Authorization") == EXPECTED:
            super().do_GET()
        else:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="index"')
            self.end_headers()


http.server.ThreadingHTTPServer(("127.0.0.1", PORT), Handler).serve_forever()
