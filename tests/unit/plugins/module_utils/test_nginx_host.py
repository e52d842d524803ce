from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.webstack.flask.plugins.module_utils import nginx_host
from ansible_collections.webstack.flask.plugins.module_utils.files import Access
from ansible_collections.webstack.flask.plugins.module_utils.layout import Problem
from ansible_collections.webstack.flask.plugins.module_utils.nginx_plan import Change, File, Link, NginxLayout, Site
from ansible_collections.webstack.flask.plugins.module_utils.nginx_service import find_workers, has_replaced

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
    observed = nginx_host.observe(layout, [SHOP])
    assert {str(path.relative_to(layout.etc)): text for path, text in observed.texts.items()} == {
        "conf.d/own.conf": "read",
        "sites-enabled/other": "server { server_name other.test; }\n",
    }
    assert set(observed.entries.values()) == {None}
    assert not observed.has_pristine_default


def test_a_main_file_without_sites_is_refused(layout: NginxLayout) -> None:
    layout.main.write_text("http { include /etc/nginx/conf.d/*.conf; }")
    with pytest.raises(Problem, match=r"does not include .*/sites-enabled/\*, as Debian's does"):
        nginx_host.observe(layout, [])


def test_a_directory_in_the_way_is_refused(layout: NginxLayout) -> None:
    layout.file_of("shop").mkdir()
    with pytest.raises(Problem, match=r"shop.conf is neither a file nor a link"):
        nginx_host.observe(layout, [SHOP])


def test_changes_are_made_and_taken_back(layout: NginxLayout) -> None:
    before = look(layout)
    other = layout.etc / "sites-available" / "other"
    changes = [
        Change(layout.file_of("shop"), None, File("new\n", layout.access)),
        Change(layout.link_of("shop"), None, Link(str(layout.file_of("shop")))),
        Change(other, File(other.read_text(), layout.access), File("changed\n", layout.access)),
        Change(layout.etc / "sites-enabled" / "other", Link("../sites-available/other"), None),
    ]
    nginx_host.apply(changes)
    assert look(layout) == {
        "nginx.conf": before["nginx.conf"],
        "sites-available/other": "changed\n",
        "sites-available/shop.conf": "new\n",
        "sites-enabled/shop.conf": f"-> {layout.file_of('shop')}",
    }
    nginx_host.restore(changes)
    assert look(layout) == before


def test_a_change_that_fails_takes_the_earlier_ones_back(layout: NginxLayout) -> None:
    before = look(layout)
    changes = [
        Change(layout.file_of("shop"), None, File("new\n", layout.access)),
        Change(layout.etc / "no-such-directory" / "file", None, File("new\n", layout.access)),
    ]
    with pytest.raises(FileNotFoundError):
        nginx_host.apply(changes)
    assert look(layout) == before


def test_the_contents_of_our_certificates_are_read_and_missing_ones_noticed(tmp_path: Path) -> None:
    there, missing = tmp_path / "c.pem", tmp_path / "none.pem"
    there.write_text("content")
    ours = [f"# webstack.flask.nginx_site\nssl_certificate {path};\n" for path in (there, missing)]
    texts = [*ours, f"ssl_certificate {tmp_path}/of-somebody-else.pem;"]
    assert nginx_host.read_certificates(texts) == {str(there): "content", str(missing): ""}
    assert nginx_host.find_missing_certificates(texts) == [str(missing)]


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
