"""A tiny upstream: it answers with what it was asked, on a Unix socket and on a TCP port."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import socketserver
import threading
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path

SOCKET = Path("/run/echo/echo.sock")
PORT = 8001
WEBSOCKET_KEY = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455

going_on = threading.Event()
under_way: list[str] = []


class Echo(BaseHTTPRequestHandler):
    """Answers any request with its method, path, headers and body."""

    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        """Answer one request."""
        under_way.append(self.path)
        try:
            self.answer_noted()
        finally:
            under_way.remove(self.path)

    def answer_noted(self) -> None:
        """Answer a request that is noted as under way."""
        if self.headers.get("Upgrade", "").lower() == "websocket":
            self.speak_websocket()
            return
        if self.path.endswith("/go-on"):
            going_on.set()
        if self.path.endswith("/stream/"):
            self.speak_in_parts()
            return
        if self.path == "/slow":
            time.sleep(3)
        length = int(self.headers.get("Content-Length", 0))
        asked = {
            "method": self.command,
            "path": self.path,
            "headers": {key.lower(): value for key, value in self.headers.items()},
            "under way": under_way,
            "body": self.rfile.read(length).decode(),
        }
        text = json.dumps(asked).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        if self.path == "/own-headers":
            self.send_header("X-Frame-Options", "DENY")
            self.send_header("Referrer-Policy", "no-referrer")
            self.send_header("Strict-Transport-Security", "max-age=1")
        if self.path == "/long-header":
            self.send_header("Set-Cookie", "session=" + "x" * 6000)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = answer  # noqa: N815 - so http.server wants it

    def speak_in_parts(self) -> None:
        """Say something, and the rest once somebody has asked for /go-on."""
        going_on.clear()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.write(b"5\r\nfirst\r\n")
        going_on.wait(30)
        self.wfile.write(b"4\r\nlast\r\n0\r\n\r\n")

    def speak_websocket(self) -> None:
        """Shake hands, then send back whatever comes."""
        key = hashlib.sha1((self.headers["Sec-WebSocket-Key"] + WEBSOCKET_KEY).encode()).digest()  # noqa: S324 - RFC 6455
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", base64.b64encode(key).decode())
        self.end_headers()
        while data := self.connection.recv(1024):
            self.connection.sendall(data)
        self.close_connection = True

    def address_string(self) -> str:
        """Name the client, which on a Unix socket has no address."""
        return "client"


class OnSocket(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """A server on a Unix socket."""


class OnPort(socketserver.ThreadingMixIn, socketserver.TCPServer):
    """A server on a TCP port."""

    allow_reuse_address = True


def main() -> None:
    """Serve on both."""
    SOCKET.unlink(missing_ok=True)
    os.umask(0o117)
    on_socket = OnSocket(str(SOCKET), Echo)
    threading.Thread(target=OnPort(("127.0.0.1", PORT), Echo).serve_forever, daemon=True).start()
    on_socket.serve_forever()


if __name__ == "__main__":
    main()
