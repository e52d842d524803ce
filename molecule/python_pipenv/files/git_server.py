"""A git server that asks for a user and a password: serves the repositories of a directory by HTTPS, on a port."""

import base64
import http.server
import os
import ssl
import subprocess
import sys
from pathlib import Path

PORT, DIRECTORY, CREDENTIALS, CERTIFICATE = int(sys.argv[1]), sys.argv[2], Path(sys.argv[3]).read_text(encoding="utf-8"), sys.argv[4]
EXPECTED = "Basic " + base64.b64encode(CREDENTIALS.encode()).decode()


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.headers.get("Authorization") != EXPECTED:
            self.answer(401, {"WWW-Authenticate": 'Basic realm="git"'}, b"")
            return
        path, _mark, query = self.path.partition("?")
        variables = {
            "GIT_PROJECT_ROOT": DIRECTORY,
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
        }
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        ended = subprocess.run(["git", "http-backend"], input=body, env=os.environ | variables, stdout=subprocess.PIPE, check=True)
        head, _blank, content = ended.stdout.partition(b"\r\n\r\n")
        lines = dict(line.split(": ", 1) for line in head.decode().splitlines())
        self.answer(int(lines.pop("Status", "200").split()[0]), lines, content)

    do_POST = do_GET  # noqa: N815 - as http.server wants it

    def answer(self, status, headers, content):
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)


server = http.server.ThreadingHTTPServer(("127.0.0.1", PORT), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(CERTIFICATE)
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
