from __future__ import annotations

import json
from typing import Any

import pytest
from ansible.module_utils import basic
from ansible.module_utils.testing import patch_module_args
from ansible_collections.webstack.flask.plugins.module_utils._source.secrets import hide_secrets, reveal_secrets
from ansible_collections.webstack.flask.plugins.modules import builds

_KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nc2VjcmV0\nc2VjcmV0\n-----END OPENSSH PRIVATE KEY-----\n"
# Ansible by itself masks all from a colon to the last `@` of such a list, and so the key has to come last.
_APPS: list[dict[str, Any]] = [
    {"name": "b", "git": "https://hunter2@git.test/b", "ssh_key": None},
    {"name": "c", "git": "https://me:hunter2@git.test/c", "ssh_key": None},
    {"name": "d", "path": "d", "ssh_key": None},
    {"name": "a", "git": "ssh://git@git.test/a", "ssh_key": _KEY},
]


def test_what_is_secret_comes_back() -> None:
    shown, secrets = hide_secrets(_APPS, {"HTTPS_PROXY": "http://proxy.test", "GIT_TRACE": 1})
    assert "hunter2" not in str(shown)
    assert "c2VjcmV0" not in str(shown)
    assert reveal_secrets(shown, secrets) == (_APPS, {"HTTPS_PROXY": "http://proxy.test", "GIT_TRACE": "1"})
    assert reveal_secrets(_APPS, "") == (_APPS, {})


def test_the_journal_is_told_nothing_that_is_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    logged: list[str] = []
    monkeypatch.setattr(basic.AnsibleModule, "log", lambda _self, message, log_args=None: logged.append(f"{message} {log_args}"))
    shown, secrets = hide_secrets(_APPS, {})
    with patch_module_args(json.loads(json.dumps({"apps": shown, "secrets": secrets}))):
        basic.AnsibleModule(argument_spec=builds.ARGUMENT_SPEC)
    (message,) = logged
    assert "git.test/b" in message
    assert "hunter2" not in message
    assert "c2VjcmV0" not in message
    assert secrets not in message
