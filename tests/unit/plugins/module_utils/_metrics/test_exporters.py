"""Where exporters listen, and how that is written down."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from ansible_collections.webstack.flask.plugins.filter.metrics import metrics_problems, metrics_summary
from ansible_collections.webstack.flask.plugins.module_utils._metrics.exporters import (
    EXPORTERS,
    format_drop_in,
    format_secrets,
    format_status_server,
)
from ansible_collections.webstack.flask.plugins.module_utils._metrics.program import replace_textfile

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("address", ["127.0.0.1", "192.0.2.10", "::1", "2001:db8::7"])
def test_one_address_is_good(address: str) -> None:
    assert metrics_problems(address) == []


EVERYWHERE = "0.0.0.0"  # noqa: S104 - it is refused


@pytest.mark.parametrize(
    "address", [EVERYWHERE, "::", "", "localhost", "192.0.2.10:9100", "192.0.2.0/24", "224.0.0.1", "fe80::1%eth0", "a b"]
)
def test_all_addresses_and_what_is_none_are_refused(address: str) -> None:
    (problem,) = metrics_problems(address)
    assert problem.startswith(f"metrics_address is {address!r}; it must be one IP address of the host")


@pytest.mark.parametrize("exporter", EXPORTERS, ids=str)
@pytest.mark.parametrize(("address", "shown"), [("127.0.0.1", "127.0.0.1"), ("2001:db8::7", "[2001:db8::7]")])
def test_an_exporter_listens_at_the_address_whatever_debian_s_file_says(exporter: object, address: str, shown: str) -> None:
    text = format_drop_in(exporter, address, 5433)  # type: ignore[arg-type]
    starts = [line for line in text.splitlines() if line.startswith("ExecStart=")]
    assert starts[0] == "ExecStart="
    assert starts[1].startswith(f"ExecStart=/usr/bin/{exporter.package} --web.listen-address={shown}:{exporter.port}")  # type: ignore[attr-defined]
    assert len(starts) == 2
    assert "EnvironmentFile=\n" in text


def test_the_exporter_of_postgresql_has_no_password() -> None:
    text = format_drop_in(EXPORTERS[2], "127.0.0.1", 5433)
    assert 'Environment="DATA_SOURCE_NAME=user=prometheus host=/run/postgresql port=5433 dbname=postgres sslmode=disable"' in text


def test_the_word_of_nginx_s_page_is_in_no_argument() -> None:
    assert "location = /word {" in format_status_server("word")
    assert format_secrets("word") == "SCRAPE_URI=http://127.79.0.0:790/word\n"
    assert "SCRAPE_URI" not in format_drop_in(EXPORTERS[1], "127.0.0.1", 5432)


def test_the_summary_says_where_they_listen_and_what_was_changed() -> None:
    result = {
        "listens": {"node": "127.0.0.1:9100"},
        "exporters": {"node exporter": {"notes": []}, "nginx exporter": {"notes": ["stopped; its package stays"]}},
    }
    assert metrics_summary(result) == ["metrics for Prometheus: node at 127.0.0.1:9100", "nginx exporter: stopped; its package stays"]
    assert metrics_summary({"skipped": True}) == []


def test_the_file_is_replaced_in_one_step_also_after_a_run_that_was_cut_off(tmp_path: Path) -> None:
    (tmp_path / "webstack-flask.prom.new").symlink_to(tmp_path / "elsewhere")
    replace_textfile("x 1\n", tmp_path)
    replace_textfile("x 2\n", tmp_path)
    assert [(path.name, path.read_text(encoding="utf-8")) for path in tmp_path.iterdir()] == [("webstack-flask.prom", "x 2\n")]


def test_a_link_in_place_of_the_directory_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with pytest.raises(OSError, match="link"):
        replace_textfile("x 1\n", tmp_path / "link")
    assert list((tmp_path / "real").iterdir()) == []
