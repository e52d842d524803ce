"""What is read from the host is told while it counts."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from ansible_collections.webstack.flask.plugins.module_utils import _layout
from ansible_collections.webstack.flask.plugins.module_utils._layout import AppLayout
from ansible_collections.webstack.flask.plugins.module_utils._release.record import ReleaseRecord
from ansible_collections.webstack.flask.plugins.module_utils._webstack.reading import find_failed_installation

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

LIVE = ReleaseRecord("a", "b", "e", created=1, verified=100.0)


def test_an_installation_that_has_failed_counts_until_users_come_to_a_release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_layout, "LOG_ROOT", tmp_path)
    shop = AppLayout.of("shop")
    assert find_failed_installation(shop, LIVE) is None
    shop.installation_log.write_text("pip said no")
    os.utime(shop.installation_log, (200, 200))
    assert find_failed_installation(shop, LIVE) == 200
    assert find_failed_installation(shop, None) == 200
    assert find_failed_installation(shop, replace(LIVE, verified=201.0)) is None
