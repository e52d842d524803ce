# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The keys of an entry of the user's list `flask_apps`."""

from __future__ import annotations

from typing import Any

SPEC: dict[str, Any] = {
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "default": "present", "choices": ["present", "absent"]},
    "remove_data": {"type": "bool", "default": False},
    "source": {
        "type": "dict",
        "required": True,
        "options": {
            "git": {"type": "str"},
            "version": {"type": "str", "default": "HEAD"},
            "path": {"type": "str"},
            "archive": {"type": "str"},
            "checksum": {"type": "str"},
            "subdirectory": {"type": "str", "default": ""},
            "submodules": {"type": "bool", "default": True},
            "ssh_key": {"type": "str", "no_log": True},
            "known_hosts": {"type": "str"},
            "ssh_agent": {"type": "bool", "default": False},
        },
        "mutually_exclusive": [["git", "path", "archive"]],
        "required_one_of": [["git", "path", "archive"]],
    },
    "wsgi": {"type": "str"},
    "asgi": {"type": "str"},
    "server_names": {"type": "list", "elements": "str", "required": True},
    "path": {"type": "str", "default": "/"},
    "chdir": {"type": "str", "default": ""},
    "python_path": {"type": "list", "elements": "str", "default": []},
    "env": {"type": "dict", "default": {}},
    "env_files": {"type": "list", "elements": "str", "default": []},
    "dependencies": {
        "type": "dict",
        "apply_defaults": True,
        "options": {
            "file": {"type": "str"},
            "packages": {"type": "list", "elements": "str", "default": []},
            "gunicorn_version": {"type": "str"},
            "python": {"type": "str"},
            "ignore_python_requirement": {"type": "bool", "default": False},
            "ignore_lock_mismatch": {"type": "bool", "default": False},
            "build_packages": {"type": "list", "elements": "str", "default": []},
            "wheels": {"type": "str"},
            "index_url": {"type": "str"},
            "environment": {"type": "dict", "default": {}},
        },
    },
    "gunicorn": {"type": "dict", "default": {}},
    "service": {"type": "dict", "default": {}},
    "health": {
        "type": "dict",
        "apply_defaults": True,
        "options": {
            "path": {"type": "str", "default": "/"},
            "statuses": {"type": "list", "elements": "int", "default": []},
            "timeout": {"type": "float", "default": 5},
            "interval": {"type": "float", "default": 0.2},
            "deadline": {"type": "float", "default": 60},
        },
    },
    "static": {
        "type": "list",
        "elements": "dict",
        "options": {
            "url": {"type": "str", "required": True},
            "paths": {"type": "list", "elements": "str", "required": True},
            "expires": {"type": "str"},
        },
    },
    "nginx": {
        "type": "dict",
        "apply_defaults": True,
        "options": {
            "listen_port": {"type": "int", "default": 80},
            "client_max_body_size": {"type": "str"},
            "limit_requests": {"type": "str"},
            "limit_requests_burst": {"type": "int"},
            "limit_connections": {"type": "int"},
            "security_headers": {"type": "bool"},
            "pass_dotfiles": {"type": "bool"},
            "proxy_connect_timeout": {"type": "int"},
            "proxy_send_timeout": {"type": "int"},
            "proxy_read_timeout": {"type": "int"},
            "stream_paths": {"type": "list", "elements": "str"},
            "extra": {"type": "str"},
        },
    },
    "shared": {
        "type": "dict",
        "apply_defaults": True,
        "options": {
            "directories": {"type": "list", "elements": "str", "default": []},
            "files": {"type": "list", "elements": "str", "default": []},
        },
    },
    "tls": {
        "type": "dict",
        "options": {
            "mode": {"type": "str", "choices": ["provided", "acme", "self_signed", "off"], "default": "provided"},
            "challenge": {"type": "str", "choices": ["http", "dns"], "default": "http"},
            "certificate": {"type": "str"},
            "key": {"type": "str"},
            "port": {"type": "int", "default": 443},
            "redirect": {"type": "bool", "default": True},
            "hsts": {"type": "int", "default": 0},
            "hsts_subdomains": {"type": "bool", "default": False},
            "http3": {"type": "bool", "default": False},
        },
    },
    "release_commands": {"type": "list", "elements": "str", "default": []},
    "release_command_timeout": {"type": "float", "default": 300},
    "drain": {"type": "float", "default": 30},
    "watch": {"type": "float", "default": 1},
    "keep_releases": {"type": "int", "default": 3},
}
"""The keys of an entry, as an Ansible argument spec. docs/flask_apps.md describes each."""
