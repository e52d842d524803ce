from __future__ import annotations

import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._certificates.acme import (
    ACME_OPTIONS,
    HOOK,
    Order,
    Renewal,
    account_directory,
    change_account,
    choose_names,
    explain,
    explain_with_log,
    find_acme_problems,
    find_reason_to_ask,
    find_refused,
    format_config,
    is_account_forgotten,
    is_busy,
    make_arguments,
    parse_renewal,
)
from ansible_collections.webstack.flask.plugins.module_utils._certificates.certbot import judge_answers
from ansible_collections.webstack.flask.plugins.module_utils._certificates.pem import Certificate
from hypothesis import given
from hypothesis import strategies as st

NOW = datetime(2026, 11, 21, tzinfo=UTC)
DAY = timedelta(days=1)
ORDER = Order("shop", ["shop.test", "WWW.shop.test"], "https://ca.test/dir", "ecdsa", "/var/lib/acme/")
RENEWAL = Renewal("https://ca.test/dir", "ecdsa", "webroot", "/var/lib/acme")
HELD = Certificate(frozenset({"shop.test", "www.shop.test"}), NOW - DAY, NOW + 60 * DAY, "CN = shop.test", "CN = Middle")
OPTIONS: dict[str, Any] = {key: option["default"] for key, option in ACME_OPTIONS.items()}
HIDDEN = "c2VjcmV0"
NAMES = st.sets(st.sampled_from("abcd"))


def test_the_settings_of_certbot_are_read() -> None:
    text = """\
# renew_before_expiry = 30 days
version = 2.1.0
cert = /etc/letsencrypt/live/webstack-flask-shop/cert.pem

[renewalparams]
account = 0123
authenticator = webroot
webroot_path = /var/lib/acme,
server = https://ca.test/dir
key_type = ecdsa
[[webroot_map]]
shop.test = /var/lib/acme
"""
    assert parse_renewal(text) == RENEWAL


@pytest.mark.parametrize(
    ("order", "renewal", "held", "reason"),
    [
        (ORDER, RENEWAL, HELD, None),
        (ORDER, None, HELD, "there was none"),
        (ORDER, RENEWAL, None, "there was none"),
        (ORDER, RENEWAL, replace(HELD, names=frozenset({"shop.test"})), None),
        (ORDER, RENEWAL, replace(HELD, ends=NOW), "the former one has ended on 2026-11-21"),
        (ORDER, RENEWAL, replace(HELD, names=HELD.names | {"old.test"}), "the former one is for old.test too"),
        (replace(ORDER, directory="https://other.test/"), RENEWAL, HELD, "the former one is from https://ca.test/dir"),
        (replace(ORDER, key_type="rsa"), RENEWAL, HELD, "the former one has a key of type ecdsa"),
        (replace(ORDER, plugin="dns-x"), RENEWAL, HELD, "it could not be renewed in the way it was asked for"),
        (replace(ORDER, webroot="/srv"), RENEWAL, HELD, "it could not be renewed in the way it was asked for"),
        (replace(ORDER, plugin="dns-x"), replace(RENEWAL, authenticator="dns-x", webroot=""), HELD, None),
    ],
)
def test_the_authority_is_asked_again_when_what_there_is_will_not_do(
    order: Order, renewal: Renewal | None, held: Certificate | None, reason: str | None
) -> None:
    assert find_reason_to_ask(order, renewal, held, NOW) == reason


@pytest.mark.parametrize(
    ("held", "ready", "has_reason", "names"),
    [
        ((), ("a", "b"), True, ["a", "b"]),
        ((), ("b",), True, ["b"]),
        ((), (), True, []),
        (("a",), ("a",), False, []),
        (("a",), ("a", "b"), False, ["a", "b"]),
        (("a",), ("b",), False, []),
        (("a",), ("b",), True, []),
        (("a", "old"), ("a",), True, ["a"]),
        (("A",), ("a",), False, []),
    ],
)
def test_asked_for_are_the_names_that_the_authority_can_check(
    held: tuple[str, ...], ready: tuple[str, ...], names: list[str], *, has_reason: bool
) -> None:
    assert choose_names(["a", "b"], held, ready, has_reason=has_reason) == names


@given(wanted=NAMES, held=NAMES, ready=NAMES, has_reason=st.booleans())
def test_no_name_is_given_up_for_others(wanted: set[str], held: set[str], ready: set[str], *, has_reason: bool) -> None:
    names = choose_names(sorted(wanted), held, ready, has_reason=has_reason)
    assert set(names) <= wanted & ready
    assert not names or held & wanted <= set(names)


def test_no_secret_is_an_argument() -> None:
    options = OPTIONS | {"eab_kid": "kid-1", "eab_hmac_key": HIDDEN, "dns_credentials": HIDDEN, "dns_propagation": 5, "email": "a@b.test"}
    for order in (ORDER, replace(ORDER, plugin="dns-x")):
        arguments = make_arguments(order, order.names, options, config=Path("/c.ini"), credentials=Path("/d.ini"))
        assert HIDDEN not in " ".join(arguments)
        assert arguments[-4:] == ["--domain", "shop.test", "--domain", "WWW.shop.test"]
    assert arguments[-8:-4] == ["--dns-x-credentials", "/d.ini", "--dns-x-propagation-seconds", "5"]
    assert format_config(options) == f"eab-kid = kid-1\neab-hmac-key = {HIDDEN}\n"
    assert format_config(OPTIONS) == ""


FAILED = """\
Saving debug log to /var/log/letsencrypt/letsencrypt.log
Requesting a certificate for shop.test and www.shop.test

Certbot failed to authenticate some domains (authenticator: webroot). The Certificate Authority reported these problems:
  Domain: www.shop.test
  Type:   dns
  Detail: no valid A records found for www.shop.test

Hint: The Certificate Authority failed to download the temporary challenge files.

Some challenges have failed.
Ask for help or search for solutions at https://community.letsencrypt.org. See the logfile for more details.
"""
REFUSED = """\
Requesting a certificate for shop.test and www.shop.test
An unexpected error occurred:
The server will not issue certificates for the identifier :: Cannot issue for "shop.test": it does not end with a public suffix
Ask for help or search for solutions at https://community.letsencrypt.org.
"""
AWAY = "An unexpected error occurred:\nrequests.exceptions.ConnectionError: refused\nAsk for help"


@pytest.mark.parametrize(
    ("output", "refused"),
    [
        (FAILED, {"www.shop.test": "the CA says: no valid A records found for www.shop.test (dns)"}),
        (REFUSED, {"shop.test": f"the CA says: {REFUSED.splitlines()[2]}"}),
        (AWAY, {}),
    ],
)
def test_the_names_that_the_authority_refuses_are_told(output: str, refused: dict[str, str]) -> None:
    assert find_refused(output, ["shop.test", "www.shop.test"]) == refused


def test_what_certbot_says_last_is_the_reason() -> None:
    assert explain(AWAY) == "requests.exceptions.ConnectionError: refused"
    assert explain(FAILED) == "Some challenges have failed."
    assert explain("") == "certbot gave no reason"
    assert is_busy("Another instance of Certbot is already running.")
    assert not is_busy(FAILED)


@pytest.mark.parametrize(
    ("answers", "trouble"),
    [
        ({"192.0.2.1": "word"}, None),
        ({"192.0.2.1": "word", "2001:db8::1": OSError("no route")}, None),
        (
            {"192.0.2.1": "word", "2001:db8::1": "with status 404"},
            "its address leads elsewhere: 2001:db8::1 answers with status 404 to a question for a file that this host has",
        ),
        ({"192.0.2.1": OSError("refused")}, "192.0.2.1 cannot be reached on port 80: refused"),
    ],
)
def test_a_name_is_ready_when_a_right_answer_comes_and_no_wrong_one(answers: dict[str, str | OSError], trouble: str | None) -> None:
    assert judge_answers(answers, "word") == trouble


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"directory": "ca.test --x"}, "certificates_acme_directory is 'ca.test --x'; it must be the URL"),
        ({"email": "-x"}, "certificates_acme_email is '-x'"),
        ({"ca": "ca.pem"}, "certificates_acme_ca is 'ca.pem'"),
        ({"eab_kid": "a"}, "belong together"),
        ({"eab_hmac_key": HIDDEN}, "belong together"),
        ({"eab_kid": "a", "eab_hmac_key": f"{HIDDEN}\nx = y"}, "certificates_acme_eab_hmac_key (not shown) must be"),
        ({"dns_plugin": "--x"}, "certificates_acme_dns_plugin is '--x'"),
        ({"webroot": "/srv/../etc"}, "certificates_acme_webroot is '/srv/../etc'"),
        ({"environment": {"A-B": "c"}}, "the environment variable 'A-B'"),
    ],
)
def test_settings_with_which_no_authority_could_be_asked_are_refused(changes: dict[str, Any], word: str) -> None:
    (problem,) = find_acme_problems([{"name": "shop", "names": ["shop.test"], "acme": "http"}], OPTIONS | changes)
    assert word in problem
    assert HIDDEN not in problem


def test_a_challenge_by_dns_needs_a_plugin_and_a_wildcard_needs_the_challenge() -> None:
    certificate = {"name": "shop", "names": ["*.shop.test"], "acme": "dns"}
    assert "set certificates_acme_dns_plugin" in find_acme_problems([certificate], OPTIONS)[0]
    assert find_acme_problems([certificate], OPTIONS | {"dns_plugin": "dns-x"}) == []
    (problem,) = find_acme_problems([{**certificate, "acme": "http"}], OPTIONS)
    assert problem == "the certificate shop has the wildcard *.shop.test, which needs `acme: dns`"
    assert find_acme_problems([{"name": "shop", "state": "absent"}, {"name": "x", "names": ["a.test"]}], OPTIONS) == []


def test_the_hook_puts_key_and_chain_into_one_file_and_leaves_other_certificates_alone(tmp_path: Path) -> None:
    hook = tmp_path / "hook"
    hook.write_text(HOOK.replace("/etc/webstack-flask/certificates", str(tmp_path)) + "echo reloaded\n", encoding="utf-8")
    for name, said in (("webstack-flask-shop", "reloaded\n"), ("someone-elses", "")):
        lineage = tmp_path / name
        lineage.mkdir()
        (lineage / "privkey.pem").write_text("key\n", encoding="ascii")
        (lineage / "fullchain.pem").write_text("chain\n", encoding="ascii")
        done = subprocess.run(["sh", str(hook)], env={"RENEWED_LINEAGE": str(lineage)}, capture_output=True, text=True, check=True)
        assert done.stdout == said
    assert (tmp_path / "shop.pem").read_text(encoding="ascii") == "key\nchain\n"
    assert (tmp_path / "shop.pem").stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["hook", "shop.pem", "someone-elses", "webstack-flask-shop"]


OF_BOOKWORM = (
    "Saving debug log to /var/log/letsencrypt/letsencrypt.log\nAn unexpected error occurred:\nAttributeError: can't set attribute\n"
)


@pytest.mark.parametrize(
    ("line", "words", "advice"),
    [
        (
            (
                "urn:ietf:params:acme:error:rateLimited :: There were too many requests of a given type :: too many certificates (5) "
                "already issued; retry after 2026-11-28 10:00:00 UTC"
            ),
            "too many certificates (5) already issued; retry after 2026-11-28 10:00:00 UTC (rateLimited)",
            "wait until the time that it names",
        ),
        (
            "urn:ietf:params:acme:error:caa :: Certification Authority ... :: CAA record for a.test forbids",
            "CAA record for a.test forbids (caa)",
            "CAA",
        ),
        (
            "urn:ietf:params:acme:error:accountDoesNotExist :: The request ... :: Account not found",
            "Account not found (accountDoesNotExist)",
            None,
        ),
        ("urn:ietf:params:acme:error:serverInternal :: The server experienced an internal error :: ", "The server experienced", "later"),
    ],
)
def test_the_words_of_the_authority_come_from_the_log_where_certbot_cannot_show_them(line: str, words: str, advice: str | None) -> None:
    earlier = "acme.messages.Error: urn:ietf:params:acme:error:malformed :: x :: earlier"
    log = f"2026-11-27 DEBUG:x\n{earlier}\nTraceback\nacme.messages.Error: {line}\nend\n"
    said = explain_with_log(OF_BOOKWORM, log)
    assert words.split(" (", maxsplit=1)[0] in said
    assert (advice in said) if advice else ("To go on" not in said)
    assert "AttributeError" not in said
    assert explain_with_log(OF_BOOKWORM, "nothing of the kind") == "AttributeError: can't set attribute"
    assert explain_with_log("the plugin is missing\n", log) == "the plugin is missing"
    assert is_account_forgotten(log) == ("accountDoesNotExist" in line)


def test_renewals_go_over_to_the_new_account_of_the_same_authority_alone() -> None:
    text = "# renew\n[renewalparams]\naccount = old\nserver = https://ca.test/dir\naccount = other\n"
    changed = text.replace("account = old", "account = new")
    assert change_account(text, "https://ca.test/dir", ["old"], "new") == changed
    assert change_account(text, "https://other.test/dir", ["old"], "new") == text
    assert str(account_directory("https://ca.test:14000/dir/x")) == "/etc/letsencrypt/accounts/ca.test:14000/dir/x"
