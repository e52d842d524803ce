"""Which sites can be closed, and what is shown then."""

from __future__ import annotations

import os
import re
import stat
from typing import TYPE_CHECKING

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._layout import AppLayout
from ansible_collections.webstack.flask.plugins.module_utils._nginx.plan import NginxLayout
from ansible_collections.webstack.flask.plugins.module_utils._release.record import ReleaseRecord
from ansible_collections.webstack.flask.plugins.module_utils._webstack import maintenance
from ansible_collections.webstack.flask.plugins.module_utils._webstack.maintenance import (
    close_site,
    find_since,
    make_page,
    open_site,
)

if TYPE_CHECKING:
    from pathlib import Path

_LIVE = ReleaseRecord(id="0123456789ab", build="b", environment="e", created=1.0)


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AppLayout:
    """Return an app whose site looks for its file, beside a link to nothing, in the file of another one."""
    layout = AppLayout("shop", tmp_path / "shop")
    layout.root.mkdir()
    nginx = NginxLayout(tmp_path / "nginx")
    nginx.link_of("blog").parent.mkdir(parents=True)
    nginx.link_of("blog").write_text(f"if (-f {layout.maintenance}) {{", encoding="ascii")
    nginx.link_of("away").symlink_to("nothing")
    monkeypatch.setattr(maintenance, "NginxLayout", lambda: nginx)
    return layout


def test_a_site_is_closed_once_and_opened_once(shop: AppLayout) -> None:
    assert find_since(shop) is None
    assert [close_site(shop, _LIVE, None), close_site(shop, None, None)] == [True, False]
    assert stat.S_IMODE(shop.maintenance.stat().st_mode) == 0o644, "nginx has to be able to read it"
    assert find_since(shop) == shop.maintenance.stat().st_mtime
    assert [open_site(shop), open_site(shop)] == [True, False]
    assert find_since(shop) is None


def test_another_message_is_shown_and_it_is_closed_since_it_was(shop: AppLayout) -> None:
    close_site(shop, _LIVE, "until 14:00")
    os.utime(shop.maintenance, (1000, 1000))
    assert [close_site(shop, _LIVE, text) for text in ("until 14:00", None, "until 15:00")] == [False, False, True]
    assert "until 15:00" in shop.maintenance.read_text(encoding="utf-8")
    assert find_since(shop) == 1000


def test_what_has_no_site_that_looks_for_the_file_is_refused(shop: AppLayout) -> None:
    blog = AppLayout("blog", shop.root.parent / "blog")
    with pytest.raises(UserError, match=r"^nginx has no site of blog that can be closed; run site\.yml, which writes it$"):
        close_site(blog, _LIVE, None)
    courier = ReleaseRecord(id="0123456789ab", build="b", environment="e", created=1.0, web=False)
    with pytest.raises(UserError, match=r"^shop has no web process"):
        close_site(shop, courier, None)
    assert find_since(shop) is None


def test_the_page_shows_a_message_as_text_and_needs_nothing_from_elsewhere() -> None:
    page = make_page("<script>alert('{x}')</script> & more")
    assert "&lt;script&gt;alert(&#x27;{x}&#x27;)&lt;/script&gt; &amp; more" in page
    assert re.findall(r"\s(?:src|href|action)\s*=|url\(", page) == []
    assert "@import" not in page
