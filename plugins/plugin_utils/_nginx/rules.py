# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a single value of a site may be, and the same in words.

Every accepted value consists of characters that mean nothing to nginx, so that none can break out of the file that it is written to; the
one exception is `extra`, which is nginx configuration.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from ansible_collections.webstack.flask.plugins.module_utils._nginx.config import PROXY_PROTOCOL

_SOCKET_PATH_LIMIT = 107  # what sockaddr_un holds, see unix(7)
_HOST_NAME_LIMIT = 253  # RFC 1035
_PATH_LIMIT = 1024

_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST = rf"{_LABEL}(?:\.{_LABEL})*"
_SEGMENT = r"[A-Za-z0-9_@+.-]+"


class Rule(NamedTuple):
    """What a single value has to be: a test, and the same in words."""

    accepts: Callable[[object], bool]
    allowed: str


def _text(pattern: str, limit: int = _PATH_LIMIT, flags: int = 0) -> Callable[[object], bool]:
    """Accept text of this form, or a number that is so written."""
    compiled = re.compile(pattern, flags | re.ASCII)

    def accepts(value: object) -> bool:
        text = str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else ""
        return len(text) <= limit and compiled.fullmatch(text) is not None

    return accepts


def _path(pattern: str, limit: int = _PATH_LIMIT) -> Callable[[object], bool]:
    """Accept a path of this form in which no segment means the same directory or the one above."""
    has_form = _text(pattern, limit)
    return lambda value: has_form(value) and not {".", ".."} & set(str(value).split("/"))


def _number(highest: int) -> Callable[[object], bool]:
    """Accept a whole number from 1 to `highest`."""
    has_form = _text(r"[0-9]{1,9}")
    return lambda value: has_form(value) and 1 <= int(str(value)) <= highest


_is_socket = _path(rf"unix:(/{_SEGMENT})+", limit=len("unix:") + _SOCKET_PATH_LIMIT)
_is_host = _text(rf"{_HOST}:[0-9]{{1,9}}", flags=re.IGNORECASE)
_is_port = _number(65535)
_is_loopback = _text(r"127(\.(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])){3}")
_is_size = _text(r"[0-9]{1,9}[kmg]?", flags=re.IGNORECASE)
_is_server_name = _text(rf"(\*\.)?{_HOST}|{_HOST}\.\*", limit=_HOST_NAME_LIMIT, flags=re.IGNORECASE)
_is_rate = _text(r"[1-9][0-9]{0,5}r/[sm]")
_is_site_path = _path(r"(/[A-Za-z0-9_~@+.-]+)+/?")
_is_stream_path = _path(r"/([A-Za-z0-9_~@+.-]+/)*[A-Za-z0-9_~@+.-]*")
_is_expires = _text(r"off|max|epoch|-1|[0-9]{1,9}[smhdwMy]?")
_is_header = _text(r"[A-Za-z][A-Za-z0-9-]{0,63}")
_is_misspelt_protocol = _text(r"proxy(-?protocol)?(-?v?[12])?|send-proxy(-v2)?", flags=re.IGNORECASE)
_is_plain_text = re.compile("[\n\t -~\u00a0-\u2027\u202a-\U0010ffff]*").fullmatch

NAME = Rule(_text("[a-z][a-z0-9_-]{0,31}"), "1 to 32 lower-case letters, digits, `-` and `_`, beginning with a letter")
STATE = Rule(lambda value: value in ("present", "absent", "kept"), "`present`, `absent` or `kept`")

SERVER_NAME = Rule(
    lambda value: isinstance(value, str) and value != "_" and _is_server_name(value),
    "a host name such as www.example.org, *.example.org or www.example.*",
)

URL = Rule(
    _path(r"/([A-Za-z0-9_~@+.-]+/)*"),
    "an address that begins and ends with `/`, of letters, digits and /_~@+.- without `..`",
)

_SITE_PATH = Rule(
    lambda value: value == "/" or _is_site_path(value),
    "`/`, or a path such as /shop, of letters, digits and /_~@+.- without `..`",
)

STREAM_PATH = Rule(
    lambda value: isinstance(value, str) and _is_stream_path(value),
    "an address that begins with `/`, of letters, digits and /_~@+.- without `..`",
)

DIRECTORY = Rule(
    _path(rf"{_SEGMENT}(/{_SEGMENT})*"),
    "a directory below `root` but not `root` itself, of letters, digits and /_@+.- without `..`",
)

FILE = Rule(DIRECTORY.accepts, "a relative path of letters, digits and /_@+.- without `..`")

EXPIRES = Rule(
    lambda value: value is False or _is_expires(value),
    "seconds, a number with one of s m h d w M y, -1, epoch, max or off",
)

SECONDS = Rule(_number(86400), "seconds, from 1 to 86400")
_COUNT = Rule(_text(r"[0-9]{1,6}"), "a number from 0 to 999999")
_YES_OR_NO = Rule(lambda value: isinstance(value, bool), "true or false")
_ABSOLUTE_PATH = Rule(_path(rf"(/{_SEGMENT})+"), "an absolute path of letters, digits and /_@+.- without `..`")

LOOPBACK = Rule(
    lambda value: isinstance(value, str) and value != "127.0.0.1" and _is_loopback(value),
    "an address of the host itself that no other site has, from 127.0.0.2 to 127.255.255.254",
)

_PORT = Rule(_is_port, "a number from 1 to 65535")

RULES = {
    "upstream": Rule(
        lambda value: _is_socket(value) or (_is_host(value) and _is_port(str(value).rpartition(":")[2])),
        f"unix:/path/of/a.sock, of letters, digits and /_@+.- and up to {_SOCKET_PATH_LIMIT} characters, or host:port",
    ),
    "path": _SITE_PATH,
    "root": _ABSOLUTE_PATH,
    "listen_port": _PORT,
    "client_max_body_size": Rule(_is_size, "bytes, or a number with one of k m g, such as 10m; 0 for no limit"),
    "limit_requests": Rule(lambda value: value == "" or _is_rate(value), "a number of requests with r/s or r/m, such as 10r/s"),
    "limit_requests_burst": _COUNT,
    "limit_connections": _COUNT,
    "security_headers": _YES_OR_NO,
    "trusted_header": Rule(
        lambda value: value == PROXY_PROTOCOL or (_is_header(value) and not _is_misspelt_protocol(value)),
        f"the name of a header, such as X-Forwarded-For, X-Real-IP or CF-Connecting-IP, or {PROXY_PROTOCOL}",
    ),
    "pass_dotfiles": _YES_OR_NO,
    "proxy_connect_timeout": SECONDS,
    "proxy_send_timeout": SECONDS,
    "proxy_read_timeout": SECONDS,
    "extra": Rule(
        lambda value: isinstance(value, str) and _is_plain_text(value) is not None,
        "nginx configuration as text without control characters",
    ),
}
"""The options of a site that are one value."""

TLS_RULES = {
    "certificate": _ABSOLUTE_PATH,
    "key": _ABSOLUTE_PATH,
    "port": _PORT,
    "redirect": _YES_OR_NO,
    "hsts": Rule(_text(r"[0-9]{1,9}"), "seconds, such as 300 to begin with and 31536000 once all is well, or 0"),
    "hsts_subdomains": _YES_OR_NO,
    "http3": _YES_OR_NO,
}
"""The options of `tls`."""
