from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._host.files import Access
from ansible_collections.webstack.flask.plugins.module_utils._nginx import staging
from ansible_collections.webstack.flask.plugins.module_utils._nginx.plan import Change, File, Link, NginxLayout, Site
from ansible_collections.webstack.flask.plugins.module_utils._nginx.service import find_workers, has_replaced

SHOP = Site("shop", "# webstack.flask.nginx_site\n")


@pytest.fixture
def layout(tmp_path: Path) -> NginxLayout:
    """Debian's directories, with a site of somebody else."""
    for name in ("sites-available", "sites-enabled", "conf.d"):
        (tmp_path / name).mkdir()
    (tmp_path / "nginx.conf").write_text(f"http {{ include {tmp_path}/sites-enabled/*; }}\n")
    (tmp_path / "sites-available" / "other").write_text("server { server_name other.test; }\n")
    (tmp_path / "sites-enabled" / "other").symlink_to("../sites-available/other")
    return NginxLayout(tmp_path, Access(os.getuid(), os.getgid(), 0o644))


def look(layout: NginxLayout) -> dict[str, str]:
    return {
        str(path.relative_to(layout.etc)): f"-> {path.readlink()}" if path.is_symlink() else path.read_text()
        for path in sorted(layout.etc.rglob("*"))
        if path.is_symlink() or path.is_file()
    }


def test_what_nginx_reads_is_observed(layout: NginxLayout) -> None:
    (layout.etc / "conf.d" / "old.conf.bak").write_text("not read")
    (layout.etc / "conf.d" / "own.conf").write_text("read")
    (layout.etc / "sites-enabled" / ".hidden").write_text("not read")
    (layout.etc / "sites-enabled" / "dangling").symlink_to("/nowhere")
    observed = staging.observe(layout, [SHOP])
    assert {str(path.relative_to(layout.etc)): text for path, text in observed.texts.items()} == {
        "conf.d/own.conf": "read",
        "sites-enabled/other": "server { server_name other.test; }\n",
    }
    assert set(observed.entries.values()) == {None}
    assert not observed.has_pristine_default


def test_a_main_file_without_sites_is_refused(layout: NginxLayout) -> None:
    layout.main.write_text("http { include /etc/nginx/conf.d/*.conf; }")
    with pytest.raises(UserError, match=r"does not include .*/sites-enabled/\*, as Debian's does"):
        staging.observe(layout, [])


def test_a_directory_in_the_way_is_refused(layout: NginxLayout) -> None:
    layout.file_of("shop").mkdir()
    with pytest.raises(UserError, match=r"shop.conf is neither a file nor a link"):
        staging.observe(layout, [SHOP])


def test_changes_are_made_and_taken_back(layout: NginxLayout) -> None:
    before = look(layout)
    other = layout.etc / "sites-available" / "other"
    changes = [
        Change(layout.file_of("shop"), None, File("new\n", layout.access)),
        Change(layout.link_of("shop"), None, Link(str(layout.file_of("shop")))),
        Change(other, File(other.read_text(), layout.access), File("changed\n", layout.access)),
        Change(layout.etc / "sites-enabled" / "other", Link("../sites-available/other"), None),
    ]
    staging.apply(changes)
    assert look(layout) == {
        "nginx.conf": before["nginx.conf"],
        "sites-available/other": "changed\n",
        "sites-available/shop.conf": "new\n",
        "sites-enabled/shop.conf": f"-> {layout.file_of('shop')}",
    }
    staging.restore(changes)
    assert look(layout) == before


def test_a_change_that_fails_takes_the_earlier_ones_back(layout: NginxLayout) -> None:
    before = look(layout)
    changes = [
        Change(layout.file_of("shop"), None, File("new\n", layout.access)),
        Change(layout.etc / "no-such-directory" / "file", None, File("new\n", layout.access)),
    ]
    with pytest.raises(FileNotFoundError):
        staging.apply(changes)
    assert look(layout) == before


def test_the_contents_of_our_certificates_are_read_and_missing_ones_noticed(tmp_path: Path) -> None:
    there, missing = tmp_path / "c.pem", tmp_path / "none.pem"
    there.write_text("content")
    ours = [f"# webstack.flask.nginx_site\nssl_certificate {path};\n" for path in (there, missing)]
    texts = [*ours, f"ssl_certificate {tmp_path}/of-somebody-else.pem;"]
    assert staging.read_certificates(texts) == {str(there): "content", str(missing): ""}
    assert staging.find_missing_certificates(texts) == [str(missing)]


def make_process(proc: Path, number: int, parent: int, title: str, start: int) -> None:
    (proc / str(number)).mkdir(parents=True)
    (proc / str(number) / "cmdline").write_text(title + "\0")
    (proc / str(number) / "stat").write_text(f"{number} (ng) inx) S {parent} " + "0 " * 17 + f"{start} 0 0\n")


def test_workers_that_take_connections_are_found(tmp_path: Path) -> None:
    make_process(tmp_path, 10, 1, "nginx: master process /usr/sbin/nginx", 5)
    make_process(tmp_path, 11, 10, "nginx: worker process", 6)
    make_process(tmp_path, 12, 10, "nginx: worker process is shutting down", 6)
    make_process(tmp_path, 13, 99, "nginx: worker process", 6)
    make_process(tmp_path, 14, 10, "nginx: cache manager process", 6)
    (tmp_path / "meminfo").write_text("")
    assert find_workers(10, tmp_path) == {(11, "6")}


@pytest.mark.parametrize(
    ("present", "expected"),
    [
        ({(11, "6"), (12, "6")}, False),
        ({(11, "6"), (13, "9")}, False),
        (set(), False),
        ({(13, "9")}, True),
        ({(11, "9")}, True),
    ],
    ids=["same", "old and new", "none", "new", "number used again"],
)
def test_a_reload_took_when_no_former_worker_is_left(present: set[tuple[int, str]], *, expected: bool) -> None:
    assert has_replaced({(11, "6"), (12, "6")}, present) is expected


@pytest.fixture
def logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """nginx's directory of logs."""
    monkeypatch.setattr(staging, "LOG_ROOT", tmp_path)
    monkeypatch.setattr(staging, "_find_log_access", lambda: (os.getuid(), os.getgid()))
    return tmp_path


def close_logs(logs: Path, *kinds: str) -> dict[str, str]:
    """Close the logs of a site that writes some kinds of them; return the modes of all that is there then, by name."""
    text = "".join(f"{kind}_log {logs}/shop.{kind}.log;\n" for kind in kinds)
    before = {path: path.lstat().st_mode for path in logs.iterdir()}
    paths = staging.find_open_logs([Site("shop", text)])
    assert {path: path.lstat().st_mode for path in logs.iterdir()} == before, "looking changes nothing"
    assert staging.close_logs(paths) == [path for path in paths if path not in before]
    assert staging.find_open_logs([Site("shop", text)]) == [], "once is enough"
    return {path.name: f"{path.lstat().st_mode & 0o777:o}" for path in logs.iterdir()}


def test_logs_are_there_before_nginx_would_make_them_readable_for_everybody(logs: Path) -> None:
    assert close_logs(logs, "access", "error") == {"shop.access.log": "640", "shop.error.log": "640"}


def test_logs_of_a_site_in_the_file_of_another_one_are_made_and_closed_likewise(logs: Path) -> None:
    shop = Site("shop", f"access_log {logs}/shop.access.log;\naccess_log {logs}/blog.access.log;\n")
    assert staging.find_open_logs([shop, Site("blog", None)]) == [logs / "shop.access.log", logs / "blog.access.log"]


def test_a_log_that_the_site_does_not_write_is_not_made(logs: Path) -> None:
    assert close_logs(logs, "error") == {"shop.error.log": "640"}
    assert staging.find_open_logs([Site("gone", None)]) == []


def test_logs_that_anybody_may_read_are_mended_and_keep_what_is_in_them(logs: Path) -> None:
    for name, mode in {"shop.access.log": 0o644, "shop.error.log": 0o600, "shop.access.log.1": 0o604, "shop2.access.log": 0o644}.items():
        (logs / name).write_text("GET /\n", encoding="utf-8")
        (logs / name).chmod(mode)
    assert close_logs(logs, "access", "error") == {
        "shop.access.log": "640",
        "shop.error.log": "600",
        "shop.access.log.1": "640",
        "shop2.access.log": "644",
    }
    assert (logs / "shop.access.log").read_text(encoding="utf-8") == "GET /\n"


def test_what_is_no_file_of_its_own_in_the_place_of_a_log_is_left_alone(logs: Path) -> None:
    other = logs / "other"
    other.write_text("")
    other.chmod(0o644)
    (logs / "shop.access.log").symlink_to(other)
    os.link(other, logs / "shop.error.log")
    os.mkfifo(logs / "shop.error.log.1")
    close_logs(logs, "access", "error")
    assert f"{other.stat().st_mode & 0o777:o}" == "644"


def test_a_link_that_comes_between_looking_and_opening_is_not_followed(logs: Path) -> None:
    other, log = logs / "other", logs / "shop.access.log"
    other.write_text("")
    other.chmod(0o644)
    log.symlink_to(other)
    with pytest.raises(UserError, match=r"cannot keep the log .*/shop\.access\.log from being read by everybody"):
        staging.close_logs([log])
    assert f"{other.stat().st_mode & 0o777:o}" == "644"


def test_logs_that_somebody_else_s_site_writes_are_not_those_of_a_removed_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(staging, "LOG_ROOT", tmp_path)
    (tmp_path / "shop.access.log").touch()
    theirs = f"server {{ access_log {tmp_path}/shop.access.log; }}"
    assert staging.find_own_logs("shop", [theirs]) == []
    assert staging.find_own_logs("shop", [f"{theirs} # {SHOP.text}", "server {}"]) == [tmp_path / "shop.access.log"]
