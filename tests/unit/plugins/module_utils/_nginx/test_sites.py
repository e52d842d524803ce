"""The update of sites, with a fake in the place of nginx and systemd."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._host.files import Access
from ansible_collections.webstack.flask.plugins.module_utils._nginx import service, sites, staging
from ansible_collections.webstack.flask.plugins.module_utils._nginx.config import Complaint
from ansible_collections.webstack.flask.plugins.module_utils._nginx.plan import NginxLayout
from ansible_collections.webstack.flask.plugins.module_utils._systemd import systemctl
from ansible_collections.webstack.flask.plugins.module_utils._systemd.systemctl import UnitState

_HTTP = "# webstack.flask.nginx_site\n"
_SITE = "# webstack.flask.nginx_site\nserver { listen 80; server_name shop.test; }\n"


class FakeNginx:
    """What nginx and systemd are asked, and what they answer."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, layout: NginxLayout) -> None:
        self.layout = layout
        self.active, self.enabled, self.accepts, self.starts = "active", True, True, True
        self.loaded = ""
        self.done: list[str] = []
        self.warnings: list[str] = []
        monkeypatch.setattr(staging, "is_installed", lambda _layout: True)
        monkeypatch.setattr(staging, "find_version", lambda: (1, 26, 3))
        monkeypatch.setattr(staging, "has_ipv6", lambda: True)
        monkeypatch.setattr(staging, "LOG_ROOT", layout.etc / "log")
        monkeypatch.setattr(staging, "try_out", lambda _plan, _layout: (self.accepts, self._complain()))
        monkeypatch.setattr(staging, "try_present", lambda: (True, []))
        monkeypatch.setattr(systemctl, "show", self._show)
        monkeypatch.setattr(systemctl, "enable", self._enable)
        monkeypatch.setattr(service, "has_loaded", lambda digest: digest == self.loaded)
        monkeypatch.setattr(service, "has_loaded_all_but_certificates", lambda _digest: False)
        monkeypatch.setattr(service, "withdraw_record", lambda: self._record("pending"))
        monkeypatch.setattr(service, "record_loaded", self._record)
        monkeypatch.setattr(service, "start", lambda: self._load("start"))
        monkeypatch.setattr(service, "reload", lambda: self._load("reload"))

    def _complain(self) -> list[Complaint]:
        return [] if self.accepts else [Complaint("emerg", 'unknown directive "servr"', str(self.layout.link_of("shop")), 2)]

    def _show(self, units: list[str]) -> dict[str, UnitState]:
        return {unit: UnitState(active=self.active, sub="", enablement="enabled" if self.enabled else "disabled") for unit in units}

    def _enable(self, unit: str) -> None:
        self.done.append(f"enable {unit}")
        self.enabled = True

    def _record(self, digest: str) -> None:
        self.loaded = digest

    def _load(self, action: str) -> None:
        self.done.append(action)
        if not self.starts:
            raise UserError("nginx does not reload: no memory")
        self.active = "active"

    def update(self, *described: dict[str, Any], check: bool = False, **params: object) -> dict[str, Any]:
        defaults: dict[str, Any] = {"http": _HTTP, "default_site": "absent", "unknown_names": ""}
        defaults |= {"remove_logs": False, "keep_callers": False}
        run = sites.SiteUpdate({"sites": list(described), **defaults, **params}, self.warnings.append, self.layout)
        return run.apply(check=check)


@pytest.fixture
def layout(tmp_path: Path) -> NginxLayout:
    for name in ("sites-available", "sites-enabled", "conf.d"):
        (tmp_path / name).mkdir()
    (tmp_path / "nginx.conf").write_text(f"http {{ include {tmp_path}/sites-enabled/*; }}\n", encoding="utf-8")
    return NginxLayout(tmp_path, Access(os.getuid(), os.getgid(), 0o644))


@pytest.fixture
def nginx(monkeypatch: pytest.MonkeyPatch, layout: NginxLayout) -> FakeNginx:
    return FakeNginx(monkeypatch, layout)


def _shop(content: str = _SITE, state: str = "present") -> dict[str, Any]:
    return {"name": "shop", "state": state, "content": content}


def test_a_site_is_served_and_a_second_run_changes_nothing(nginx: FakeNginx, layout: NginxLayout) -> None:
    first = nginx.update(_shop())
    assert (first["changed"], first["sites"], first["action"]) == (True, {"shop": "created"}, "reloaded")
    assert layout.file_of("shop").read_text(encoding="utf-8") == _SITE
    second = nginx.update(_shop())
    assert (second["changed"], second["sites"], second["action"]) == (False, {"shop": "unchanged"}, "")
    assert nginx.done == ["reload"]


def test_a_site_in_the_file_of_another_one_keeps_its_logs_and_is_not_forgotten(nginx: FakeNginx, layout: NginxLayout) -> None:
    logs = layout.etc / "log"
    logs.mkdir()
    (logs / "blog.access.log").touch()
    both = _shop(f"{_SITE}    # The site blog.\n    access_log {logs}/blog.access.log;\n")
    gone = {"name": "blog", "state": "absent", "content": None}
    assert nginx.update(both, gone, remove_logs=True)["sites"] == {"shop": "created", "blog": "created"}
    assert (logs / "blog.access.log").exists()
    with pytest.raises(UserError, match=r"serves blog, too, .*Nothing was changed"):
        nginx.update(_shop())
    assert "The site blog" in layout.file_of("shop").read_text(encoding="utf-8")
    assert nginx.update(_shop(), gone, remove_logs=True)["sites"] == {"shop": "updated", "blog": "unchanged"}
    assert not (logs / "blog.access.log").exists()


def test_a_check_run_only_predicts_the_update(nginx: FakeNginx, layout: NginxLayout) -> None:
    nginx.enabled = False
    predicted = nginx.update(_shop(), check=True)
    assert (predicted["changed"], predicted["sites"], predicted["action"]) == (True, {"shop": "created"}, "reloaded")
    assert not layout.file_of("shop").exists()
    assert nginx.done == []


def test_nginx_that_is_down_or_not_enabled_is_started_and_enabled(nginx: FakeNginx) -> None:
    nginx.active, nginx.enabled = "inactive", False
    assert nginx.update(_shop())["action"] == "started"
    assert nginx.done == ["start", "enable nginx.service"]


def test_files_that_nginx_has_not_loaded_are_loaded(nginx: FakeNginx) -> None:
    nginx.update(_shop())
    nginx.loaded = "pending"
    assert nginx.update(_shop())["action"] == "reloaded"


def test_a_configuration_that_nginx_refuses_changes_nothing(nginx: FakeNginx, layout: NginxLayout) -> None:
    nginx.accepts = False
    with pytest.raises(UserError, match="shop"):
        nginx.update(_shop())
    assert not layout.file_of("shop").exists()
    assert nginx.done == []


def test_files_that_nginx_cannot_load_are_put_back(nginx: FakeNginx, layout: NginxLayout) -> None:
    nginx.update(_shop())
    nginx.starts = False
    with pytest.raises(UserError, match="no memory\nThe former configuration was put back"):
        nginx.update(_shop(_SITE.replace("shop.test", "shop.example")))
    assert layout.file_of("shop").read_text(encoding="utf-8") == _SITE
    assert nginx.loaded == "pending"


def test_a_site_that_is_absent_goes(nginx: FakeNginx, layout: NginxLayout) -> None:
    nginx.update(_shop())
    assert nginx.update(_shop(state="absent"))["sites"] == {"shop": "removed"}
    assert not layout.file_of("shop").exists()


def test_without_nginx_a_run_fails_and_a_check_run_takes_it_to_be_installed_next(nginx: FakeNginx, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(staging, "is_installed", lambda _layout: False)
    assert nginx.update(_shop(), check=True)["action"] == "started"
    with pytest.raises(UserError, match="nginx is not installed"):
        nginx.update(_shop())


def test_a_text_that_a_later_run_would_not_know_as_ours_is_refused(nginx: FakeNginx) -> None:
    with pytest.raises(UserError, match="the content of the site shop does not hold the words"):
        nginx.update(_shop("server {}\n"))


def test_an_error_of_the_system_says_that_nothing_has_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> tuple[int, ...]:
        raise OSError(12, "Cannot allocate memory")

    monkeypatch.setattr(staging, "find_version", fail)
    params = {"sites": [_shop()], "http": _HTTP}
    with pytest.raises(UserError, match="Cannot allocate memory; what nginx serves has not changed"):
        sites.update_sites(params, print, check=True)


def test_a_site_that_would_cut_off_somebody_elses_visitors_is_refused_before_anything_changes(
    nginx: FakeNginx, layout: NginxLayout
) -> None:
    foreign = layout.etc / "sites-enabled" / "foreign"
    foreign.write_text("server { listen 80; server_name foreign.test; }\n", encoding="utf-8")
    with pytest.raises(
        UserError, match=r"at \*:80 the site shop would let nginx answer to nobody who .* the visitors of \S+/foreign;"
    ) as refusal:
        nginx.update({"name": "shop", "state": "present", "content": _SITE.replace("listen 80", "listen 80 proxy_protocol")})
    assert str(refusal.value).endswith("Nothing was changed")
    assert nginx.done == []
    assert not layout.file_of("shop").exists()
    foreign.unlink()
    nginx.update({"name": "shop", "state": "present", "content": _SITE.replace("listen 80", "listen 80 proxy_protocol")})
    assert nginx.done == ["reload"]
    foreign.write_text("server { listen 80; server_name foreign.test; }\n", encoding="utf-8")
    nginx.update({"name": "shop", "state": "present", "content": _SITE.replace("listen 80", "listen 80 proxy_protocol")})
    assert nginx.done == ["reload"]
    assert "cut off the visitors of" in nginx.warnings[0]


def _site(name: str, *server_names: str, beside: str = "") -> dict[str, Any]:
    text = f"# webstack.flask.nginx_site\nserver {{ listen 80; server_name {' '.join(server_names)}; }}\n"
    return {"name": name, "state": "present", "content": text + (f"    # The site {name}.\n    # The site {beside}.\n" if beside else "")}


def test_a_site_that_is_kept_stays_as_it_is_whoever_is_served_together_with_it(nginx: FakeNginx, layout: NginxLayout) -> None:
    kept, gone = ({"name": "blog", "state": state, "content": None} for state in ("kept", "absent"))
    assert nginx.update(kept)["sites"] == {"blog": "unchanged"}
    nginx.update(_site("blog", "blog.test"))
    assert nginx.update(kept, _shop())["sites"] == {"shop": "created", "blog": "unchanged"}
    nginx.update(_site("shop", "shop.test", beside="blog"), gone)
    together = layout.file_of("shop").read_text(encoding="utf-8")
    assert nginx.update(kept, _shop(), _site("news", "news.test"))["sites"] == {"news": "created", "shop": "unchanged", "blog": "unchanged"}
    assert layout.file_of("shop").read_text(encoding="utf-8") == together
    assert nginx.update(gone, _shop(), _site("news", "news.test"))["sites"]["shop"] == "updated"
    assert "blog" not in layout.file_of("shop").read_text(encoding="utf-8")


def test_a_site_that_is_kept_gives_way_to_one_that_gets_its_name(nginx: FakeNginx, layout: NginxLayout) -> None:
    kept = {"name": "blog", "state": "kept", "content": None}
    nginx.update(_site("blog", "blog.test"))
    assert nginx.update(kept, _site("news", "blog.test"))["sites"] == {"news": "created", "blog": "removed"}
    assert not layout.link_of("blog").exists()
