"""Certificates are made, kept, checked and taken away, and nobody but root ever sees a key."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from scenario_tests import as_user, run_role

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from scenario_tests import Play
    from testinfra.host import Host

SHOP = {"name": "shop", "names": ["shop.test", "*.shop.test"]}
FILE = "/etc/webstack-flask/certificates/shop.pem"


def run(host: Host, certificate: dict[str, Any], *, check: bool = False, **options: object) -> Play:
    """Run the role for one certificate."""
    variables = {f"certificates_{option}": value for option, value in {"install": False, **options}.items()}
    return run_role(host, "certificates", {"certificates_certificates": [certificate], **variables}, check=check)


@pytest.fixture
def given(tmp_path: Path) -> dict[str, str]:
    """A certificate that somebody has made elsewhere, for names of the shop."""
    files = ["-keyout", str(tmp_path / "key"), "-out", str(tmp_path / "pem")]
    content = ["-days", "9", "-subj", "/CN=x", "-addext", "subjectAltName=DNS:shop.test,DNS:*.shop.test"]
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", *content, *files], check=True, capture_output=True)
    return {"certificate": (tmp_path / "pem").read_text(encoding="ascii"), "key": (tmp_path / "key").read_text(encoding="ascii")}


@pytest.fixture
def shop(host: Host) -> Iterator[bytes]:
    """The file of the shop's certificate as it was; in the end there is a self-signed one again."""
    yield host.file(FILE).content
    run(host, SHOP).succeeded()


def test_nobody_but_root_reads_a_key(host: Host) -> None:
    assert (host.file(FILE).mode, host.file(FILE).user) == (0o600, "root")
    assert as_user(host, "www-data", f"cat {FILE}").rc != 0
    assert as_user(host, "www-data", "ls /etc/webstack-flask/certificates").rc != 0


def test_the_certificate_is_for_the_names(host: Host) -> None:
    shown = host.check_output("openssl x509 -noout -ext subjectAltName -in %s", FILE)
    assert "DNS:shop.test, DNS:*.shop.test" in shown
    assert host.run("openssl verify -CAfile %s %s", FILE, FILE).rc == 0


@pytest.mark.any_debian("debian13")
def test_other_names_are_another_certificate(host: Host, shop: bytes) -> None:
    other = {**SHOP, "names": ["shop.test", "blog.test"]}
    assert run(host, other, check=True).succeeded().changed == 1
    assert host.file(FILE).content == shop
    assert run(host, other).succeeded().changed == 1
    assert "DNS:blog.test" in host.check_output("openssl x509 -noout -ext subjectAltName -in %s", FILE)


def test_one_that_ends_soon_is_made_anew(host: Host, shop: bytes) -> None:
    assert run(host, SHOP, renew_before=364).succeeded().changed == 0
    assert run(host, SHOP, renew_before=366).succeeded().changed == 1
    assert host.file(FILE).content != shop


def test_a_given_one_takes_the_place_of_ours_and_ours_that_of_a_given_one(host: Host, shop: bytes, given: dict[str, str]) -> None:
    play = run(host, {**SHOP, **given}).succeeded()
    assert play.changed == 1
    assert "PRIVATE KEY" not in play.output
    assert host.file(FILE).content_string == given["key"] + given["certificate"]
    assert run(host, {**SHOP, **given}).succeeded().changed == 0
    assert run(host, SHOP).succeeded().changed == 1
    assert host.file(FILE).content != shop


def test_a_given_one_that_browsers_would_refuse_changes_nothing(host: Host, shop: bytes, given: dict[str, str]) -> None:
    key = shop.decode().partition("-----BEGIN CERTIFICATE")[0]
    for wanted, trouble in (
        ({**SHOP, **given, "key": key}, "the private key is not that of the certificate"),
        ({**SHOP, **given, "names": ["blog.test"]}, "and not for blog.test"),
    ):
        play = run(host, wanted)
        assert play.status != 0
        assert trouble in play.output
        assert key.splitlines()[1] not in play.output
    assert host.file(FILE).content == shop


@pytest.mark.any_debian("debian13")
def test_one_that_is_absent_is_gone(host: Host, shop: bytes) -> None:
    assert shop
    assert run(host, {"name": "shop", "state": "absent"}).succeeded().changed == 1
    assert not host.file(FILE).exists
    assert run(host, {"name": "shop", "state": "absent"}).succeeded().changed == 0
