# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings of gunicorn that a user may set.

gunicorn ignores an unknown name, so a misspelt one would have no effect. Names differ between its versions: only a name that is
similar to a known one counts as misspelt.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable

from ansible_collections.webstack.flask.plugins.plugin_utils._suggestions import find_closest

RESERVED = {
    "bind": "the socket is made by systemd",
    "chdir": "use the key `chdir` of the app",
    "control_socket_disable": "gunicorn would make a socket in the app's data",
    "daemon": "systemd runs gunicorn",
    "group": "systemd sets the group",
    "hmac": "the configuration needs that name itself",
    "os": "the configuration needs that name itself",
    "pidfile": "systemd knows the process",
    "post_worker_init": "it is taken: by it a release says which one it is",
    "pythonpath": "use the key `python_path` of the app",
    "user": "systemd sets the user",
    "wsgi_app": "use the key `wsgi` of the app",
}

_NAMES = """\
access_log_format accesslog asgi_disconnect_grace_period asgi_lifespan asgi_loop backlog ca_certs capture_output
casefold_http_method cert_reqs certfile check_config child_exit ciphers config default_proc_name
disable_redirect_access_to_syslog
do_handshake_on_connect dogstatsd_tags enable_backlog_metric enable_stdio_inheritance errorlog forwarded_allow_ips
forwarder_headers graceful_timeout header_map http_parser http_protocols initgroups keepalive keyfile limit_request_field_size
limit_request_fields limit_request_line logconfig logconfig_dict logconfig_json logger_class loglevel max_requests
max_requests_jitter paste permit_obsolete_folding permit_unconventional_http_method permit_unconventional_http_version preload_app
proc_name proxy_allow_ips proxy_protocol raw_env raw_paste_global_conf reload reload_engine reload_extra_files reuse_port
root_path secure_scheme_headers sendfile spew statsd_host statsd_prefix strip_header_spaces suppress_ragged_eofs syslog
syslog_addr syslog_facility syslog_prefix threads timeout tmp_upload_dir umask websocket_max_message_size worker_class
worker_connections worker_tmp_dir workers
"""

KNOWN = frozenset(_NAMES.split())
"""Settings of gunicorn 27 that take a plain value: https://docs.gunicorn.org/en/stable/settings.html."""

NO_CONFIG = "none"
"""The value of `config` that says of the source's own configuration file that it is not to count."""


def find_setting_problems(names: Iterable[object]) -> list[str]:
    """Return a sentence for each name that cannot be a setting, is not the user's to set, or is likely misspelt."""
    return [problem for name in names if (problem := _find_problem(str(name)))]


def _find_problem(name: str) -> str | None:
    if name in RESERVED:
        return f"gunicorn.{name} cannot be set: {RESERVED[name]}"
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or keyword.iskeyword(name):
        return f"gunicorn.{name} is not the name of a gunicorn setting"
    closest = None if name in KNOWN else find_closest(name, KNOWN, cutoff=0.8)
    return f"gunicorn.{name} is not a setting of gunicorn; did you mean {closest!r}?" if closest else None
