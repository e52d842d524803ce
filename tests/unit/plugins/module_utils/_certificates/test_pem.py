from __future__ import annotations

import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._certificates.pem import (
    OURS,
    Certificate,
    ends_soon,
    find_chain_problems,
    find_reason_to_make,
    find_signature_problems,
    join,
    key_fits,
    list_covered,
    make_self_signed,
    parse_certificate,
    path_of,
    read_chain,
    read_present,
)
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 11, 21, tzinfo=UTC)
DAY = timedelta(days=1)
LEAF = Certificate(frozenset({"shop.test", "*.shop.test"}), NOW - DAY, NOW + 60 * DAY, "CN = shop.test", "CN = Middle")
MIDDLE = Certificate(frozenset(), NOW - DAY, NOW + 900 * DAY, "CN = Middle", "CN = Top")
OWN = replace(LEAF, subject=f"O = {OURS}", issuer=f"O = {OURS}")


def test_what_openssl_shows_is_understood() -> None:
    shown = """\
subject=O = Shop, CN = shop.test
issuer=CN = Middle
notBefore=Nov  1 00:00:00 2026 GMT
notAfter=Feb 28 23:59:59 2027 GMT
X509v3 Subject Alternative Name:
    DNS:Shop.test, DNS:*.shop.test, IP Address:192.0.2.1
"""
    assert parse_certificate(shown) == Certificate(
        frozenset({"shop.test", "*.shop.test", "192.0.2.1"}),
        datetime(2026, 11, 1, tzinfo=UTC),
        datetime(2027, 2, 28, 23, 59, 59, tzinfo=UTC),
        "O = Shop, CN = shop.test",
        "CN = Middle",
    )


@pytest.mark.parametrize(
    ("present", "reason"),
    [
        (None, "there was none"),
        (LEAF, "the former one was not self-signed by this host"),
        (OWN, None),
        (replace(OWN, names=frozenset({"a.test"})), "the former one is for a.test"),
        (replace(OWN, ends=NOW + 29 * DAY), "the former one ends on 2026-12-20"),
        (replace(OWN, ends=NOW + 31 * DAY), None),
    ],
)
def test_one_is_made_when_there_is_no_good_one(present: Certificate | None, reason: str | None) -> None:
    assert find_reason_to_make(present, ["SHOP.test", "*.shop.test"], NOW, 30 * DAY) == reason


@pytest.mark.parametrize(
    ("chain", "names", "problems"),
    [
        ([LEAF, MIDDLE], ["shop.test", "www.shop.test", "*.shop.test"], []),
        ([replace(LEAF, issuer=LEAF.subject)], ["shop.test"], []),
        (
            [LEAF, MIDDLE],
            ["shop.test", "a.b.shop.test", "blog.test"],
            ["it is for *.shop.test, shop.test, and not for a.b.shop.test, blog.test"],
        ),
        ([replace(LEAF, ends=NOW), MIDDLE], [], ["the certificate of CN = shop.test has ended on 2026-11-21"]),
        ([LEAF, replace(MIDDLE, ends=NOW - DAY)], [], ["the certificate of CN = Middle has ended on 2026-11-20"]),
        ([replace(LEAF, begins=NOW + DAY), MIDDLE], [], ["the certificate of CN = shop.test begins on 2026-11-22 only"]),
        ([LEAF], [], ["the certificate of its issuer, CN = Middle, is missing; append the intermediate certificates"]),
        (
            [LEAF, replace(MIDDLE, subject="CN = Other")],
            [],
            ["the certificate of CN = shop.test was issued by CN = Middle, but the next in the file is that of CN = Other"],
        ),
    ],
)
def test_what_browsers_dislike_is_told(chain: list[Certificate], names: list[str], problems: list[str]) -> None:
    assert find_chain_problems(chain, names, NOW) == problems


def test_one_that_was_made_is_good_and_is_read_again(tmp_path: Path) -> None:
    names = ["shop.test", "*.shop.test", "192.0.2.1"]
    text = make_self_signed(names, 90, tmp_path)
    path = path_of("shop", tmp_path)
    path.write_text(text, encoding="ascii")
    present = read_present(path)
    assert present is not None
    now = datetime.now(tz=UTC)
    assert find_reason_to_make(present, names, now, 80 * DAY) is None
    assert find_reason_to_make(present, names, now, 91 * DAY) is not None
    assert find_chain_problems(read_chain(text), ["shop.test", "www.shop.test", "192.0.2.1"], now) == []
    assert [entry.name for entry in tmp_path.iterdir()] == ["shop.pem"]
    assert subprocess.run(["openssl", "verify", "-CAfile", str(path), str(path)], capture_output=True, check=False).returncode == 0


def test_the_key_of_another_does_not_fit(tmp_path: Path) -> None:
    one, other = (make_self_signed(["shop.test"], 1, tmp_path) for _each in range(2))
    key, certificate = one[: one.index("-----BEGIN CERT")], other[other.index("-----BEGIN CERT") :]
    assert key_fits(one)
    assert not key_fits(join(certificate, key))
    path = path_of("shop", tmp_path)
    path.write_text(join(certificate, key), encoding="ascii")
    assert read_present(path) is None


def test_joined_are_the_key_and_the_whole_chain_and_nothing_else() -> None:
    block = "-----BEGIN {0}-----\nAAAA\n-----END {0}-----".format
    certificate = f"subject: x\n{block('CERTIFICATE')}\n\n{block('CERTIFICATE')}"
    assert join(certificate, block("EC PRIVATE KEY") + "\n\n") == "\n".join(
        [block("EC PRIVATE KEY"), block("CERTIFICATE"), block("CERTIFICATE"), ""]
    )


@pytest.mark.parametrize("text", ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"])
def test_what_is_no_certificate_is_refused(text: str) -> None:
    with pytest.raises(UserError):
        read_chain(text)


@pytest.mark.parametrize("name", ["", "../x", "a/b", "A", "a" * 33])
def test_no_name_leads_to_another_directory(name: str) -> None:
    with pytest.raises(UserError, match="the name of a certificate is"):
        path_of(name)


@pytest.mark.parametrize(
    ("life", "left", "soon"), [(90, 21, False), (90, 19, True), (365, 19, True), (6, 2, False), (6, 1, True), (90, -1, True)]
)
def test_one_that_ends_soon_is_told(life: int, left: int, *, soon: bool) -> None:
    present = replace(LEAF, begins=NOW - (life - left) * DAY, ends=NOW + left * DAY)
    assert ends_soon(present, NOW, 20 * DAY) is soon


def test_the_names_that_one_is_for_are_found_in_any_case() -> None:
    assert list_covered(["Shop.test", "a.b.shop.test", "www.shop.test"], LEAF) == ["Shop.test", "www.shop.test"]
    assert list_covered(["shop.test"], None) == []


def test_a_chain_of_the_right_names_but_of_other_signatures_is_refused(tmp_path: Path) -> None:
    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=tmp_path, capture_output=True, check=True)

    new_key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    for name in ("former", "present"):
        openssl("req", "-x509", *new_key, "-subj", "/CN=Authority", "-keyout", f"{name}.key", "-out", f"{name}.pem")
    openssl("req", *new_key, "-subj", "/CN=shop.test", "-keyout", "shop.key", "-out", "shop.csr")
    openssl(
        "x509",
        "-req",
        "-in",
        "shop.csr",
        "-CA",
        "present.pem",
        "-CAkey",
        "present.key",
        "-CAcreateserial",
        "-days",
        "1",
        "-out",
        "shop.pem",
    )
    leaf, present, former = ((tmp_path / f"{name}.pem").read_text(encoding="ascii") for name in ("shop", "present", "former"))
    assert find_signature_problems(leaf + present) == []
    (problem,) = find_signature_problems(leaf + former)
    assert problem.startswith("certificate 1 of the file is not signed by the next one")


@pytest.mark.parametrize(
    ("shown", "words"),
    [
        ("subject=CN = a\nnotBefore=Nov 20 00:00:00 2026 GMT\nnotAfter=Nov 21 00:00:00 2026 GMT\n", "a certificate has no issuer"),
        ("subject=CN = a\nissuer=CN = b\nnotBefore=Nov 20 00:00:00 2026 GMT\n", "does not say in a readable way from when to when"),
        ("subject=CN = a\nissuer=CN = b\nnotBefore=x\nnotAfter=y\n", "does not say in a readable way from when to when"),
    ],
)
def test_a_certificate_that_lacks_what_is_needed_is_a_problem(shown: str, words: str) -> None:
    with pytest.raises(UserError, match=words):
        parse_certificate(shown)


def test_a_chain_of_very_many_certificates_is_not_read() -> None:
    block = "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n"
    with pytest.raises(UserError, match="it has 21 certificates, of which 20 are allowed"):
        read_chain(block * 21)


@pytest.mark.parametrize("options", [("-aes256",), ("-aes256", "-traditional")])
def test_a_key_with_a_passphrase_is_told(tmp_path: Path, options: tuple[str, ...]) -> None:
    text = make_self_signed(["shop.test"], 30, tmp_path)
    (tmp_path / "plain").write_text(text, encoding="ascii")
    command = ["openssl", "pkey", "-in", str(tmp_path / "plain"), *options, "-passout", "pass:sesame"]
    key = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    with pytest.raises(UserError, match=r"`tls.key`\) has a passphrase"):
        key_fits(text[text.index("-----BEGIN CERTIFICATE") :].partition("-----BEGIN PRIVATE")[0] + key)
