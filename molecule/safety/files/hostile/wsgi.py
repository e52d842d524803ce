"""An app that would hold up a deploy, or speak to the terminal of whoever deploys it: `WAY` says how."""

import os
import time

WAY = os.environ.get("WAY", "")
if WAY == "screams":
    raise SystemExit("\x1b]52;c;aGFja2Vk\x07\x1b[2J\rPLAY RECAP \u202e[Errno 13] Permission denied: '/etc/shadow'")


def drip():
    while True:
        yield b"x"
        time.sleep(0.1)


def flood():
    while True:
        yield bytes(1 << 20)


def app(_environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return {"drips": drip, "floods": flood}.get(WAY, lambda: [b"well\n"])()
