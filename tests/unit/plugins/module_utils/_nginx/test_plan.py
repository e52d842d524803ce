from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._host.files import Access
from ansible_collections.webstack.flask.plugins.module_utils._host.words import list_callers
from ansible_collections.webstack.flask.plugins.module_utils._nginx.config import find_servers
from ansible_collections.webstack.flask.plugins.module_utils._nginx.plan import (
    Callers,
    Change,
    Entry,
    File,
    Link,
    NginxLayout,
    Observed,
    Plan,
    Site,
    diff_changes,
    digest_active,
    find_foreign,
    find_forgotten,
    find_former_callers,
    list_conflicts,
    make_plan,
)

LAYOUT = NginxLayout()
HTTP = "# webstack.flask.nginx_site\n"
SHOP = Site("shop", "# webstack.flask.nginx_site\nserver { server_name shop.test; }\n")
FILE, LINK = LAYOUT.file_of("shop"), LAYOUT.link_of("shop")
DEFAULT = Link("/etc/nginx/sites-available/default")
FOREIGN = {Path("/etc/nginx/sites-enabled/other"): "server { server_name other.test; }"}


CATCH_ALL = "    return 444;\n"


def plan_for(
    observed: Observed, *sites: Site, default_site: str = "absent", unknown_names: str = CATCH_ALL, callers: Callers | None = None
) -> Plan:
    return make_plan(observed, sites, http=HTTP, default_site=default_site, unknown_names=unknown_names, layout=LAYOUT, callers=callers)


def as_observed(plan: Plan, **more: Any) -> Observed:  # noqa: ANN401
    """Return what lies on the host once the plan was carried out."""
    return Observed({change.path: change.after for change in plan.changes}, plan.texts, **more)


def steps(plan: Plan) -> list[tuple[str, str]]:
    return [(str(change.path.relative_to(LAYOUT.etc)), type(change.after).__name__) for change in plan.changes]


def test_a_new_site_gets_its_file_before_its_link() -> None:
    plan = plan_for(Observed({}, FOREIGN), SHOP)
    assert steps(plan) == [
        ("conf.d/webstack-flask.conf", "File"),
        ("sites-available/shop.conf", "File"),
        ("sites-enabled/shop.conf", "Link"),
    ]
    assert plan.describe_site(SHOP, LAYOUT) == "created"
    assert set(plan.texts) == {*FOREIGN, LINK, LAYOUT.http}


def test_carried_out_there_is_nothing_left_to_do() -> None:
    plan = plan_for(as_observed(plan_for(Observed({}, FOREIGN), SHOP)), SHOP)
    assert steps(plan) == []
    assert plan.describe_site(SHOP, LAYOUT) == "unchanged"


GATED = Site("shop", f"{SHOP.text}map $http_x_webstack_proof $webstack_proof_shop {{ include /etc/nginx/sites-available/shop[.]proof; }}\n")
PROOF = LAYOUT.proof_of("shop")


def proof_in(plan: Plan) -> File:
    (made,) = (change.after for change in plan.changes if change.path == PROOF)
    assert isinstance(made, File)
    return made


def test_a_site_with_gates_gets_words_that_root_alone_reads_and_keeps_them() -> None:
    plan = plan_for(Observed({}, FOREIGN), GATED)
    made = proof_in(plan)
    assert made.access == Access(0, 0, 0o600)
    words = re.findall(r"(?m)^([0-9a-f]{32}) (is-known|may-pass);$", made.text)
    assert [meaning for _word, meaning in words] == ["is-known", "may-pass"]
    assert len({word for word, _meaning in words}) == 2
    assert proof_in(plan_for(Observed({}, FOREIGN), GATED)).text != made.text
    assert steps(plan_for(as_observed(plan), GATED)) == []
    assert not any(word in str(diff_changes(plan.changes)) for word, _meaning in words)


@pytest.mark.parametrize(
    "entry", ["", "{head}\n", "{text}deadbeef may-pass;\n", "{text}"], ids=["empty", "no words", "more words", "open to others"]
)
def test_words_that_are_not_as_they_were_written_are_made_anew(entry: str) -> None:
    plan = plan_for(Observed({}, {}), GATED)
    text = proof_in(plan).text
    there = File(entry.format(text=text, head=text.partition("\n")[0]), LAYOUT.access)
    observed = as_observed(plan)
    again = proof_in(plan_for(Observed({**observed.entries, PROOF: there}, observed.texts), GATED))
    assert again.access.mode == 0o600
    assert (again.text == text) == (there.text == text)


@pytest.mark.parametrize("site", [SHOP, Site("shop", None)], ids=["no gate any more", "no site any more"])
def test_the_words_go_with_what_needed_them(site: Site) -> None:
    plan = plan_for(as_observed(plan_for(Observed({}, {}), GATED)), site)
    assert (str(PROOF.relative_to(LAYOUT.etc)), "NoneType") in steps(plan)
    assert find_foreign(Observed({PROOF: File("a note of mine", LAYOUT.access)}, {}), [site], LAYOUT)


CALLERS, KEY = LAYOUT.callers_of("images"), "ab" * 32


def service(*callers: str) -> Site:
    text = "# webstack.flask.nginx_site\nserver { listen 127.79.1.2:790 default_server; server_name 127.79.1.2; }\n"
    return Site("images", text, callers)


def let_in(plan: Plan) -> list[str]:
    (made,) = (change.after for change in plan.changes if change.path == CALLERS)
    assert isinstance(made, File)
    assert made.access == Access(0, 0, 0o600)
    return list_callers(made.text)


def test_a_service_lets_in_the_host_and_those_that_are_named_and_nobody_is_shown_a_word() -> None:
    plan = plan_for(Observed({}, FOREIGN), service("shop", "blog"), callers=Callers(KEY))
    assert let_in(plan) == ["webstack.flask", "blog", "shop"]
    assert [path for path, _kind in steps(plan)][1] == "sites-available/images.callers"
    (shown,) = (diff["after"] for diff in diff_changes(plan.changes) if diff["after_header"] == str(CALLERS))
    assert shown.splitlines()[1:] == ["webstack.flask", "blog", "shop"]
    assert KEY not in repr((Callers(KEY), plan))
    assert steps(plan_for(as_observed(plan), service("blog", "shop"), callers=Callers(KEY))) == []


def test_those_that_are_named_no_more_stay_until_they_are_to_go() -> None:
    observed = as_observed(plan_for(Observed({}, FOREIGN), service("shop", "blog"), callers=Callers(KEY)))
    assert let_in(plan_for(observed, service("forum"), callers=Callers(KEY, keep=True))) == ["webstack.flask", "blog", "forum", "shop"]
    assert find_former_callers(observed, [service("blog"), SHOP], LAYOUT) == {"images": ["shop"]}
    assert find_former_callers(observed, [service("blog", "shop")], LAYOUT) == {}
    assert let_in(plan_for(observed, service("forum"), callers=Callers(KEY))) == ["webstack.flask", "forum"]
    assert let_in(plan_for(observed, service("blog", "shop"), callers=Callers("cd" * 32))) == ["webstack.flask", "blog", "shop"]


@pytest.mark.parametrize("after", [Site("images", SHOP.text), Site("images", None)], ids=["public", "gone"])
def test_a_site_that_is_no_service_any_more_knows_no_words(after: Site) -> None:
    observed = as_observed(plan_for(Observed({}, FOREIGN), service("shop"), callers=Callers(KEY)))
    for callers in (None, Callers(KEY, keep=True)):
        assert ("sites-available/images.callers", "NoneType") in steps(plan_for(observed, after, callers=callers))


def test_a_file_of_somebody_else_is_not_overwritten_by_words() -> None:
    assert find_foreign(Observed({CALLERS: File("a note of mine", LAYOUT.access)}, {}), [service()], LAYOUT)


def test_no_other_server_answers_where_a_service_does() -> None:
    plan = plan_for(Observed({}, {}), service("shop"), SHOP, callers=Callers(KEY))
    listens = [listen for server in find_servers(plan.texts[LAYOUT.http]) for listen in server.listens]
    assert listens == [("80", "default_server")]


TOGETHER = Site(
    "shop",
    f"{SHOP.text}include /etc/nginx/sites-available/blog[.]proof;\nserver {{\n    # The site shop.\n\n    # The site blog.\n}}\n",
)
BLOG = Site("blog", None)


def test_a_site_in_the_file_of_another_one_has_words_of_its_own() -> None:
    plan = plan_for(Observed({}, FOREIGN), TOGETHER, BLOG)
    assert [path for path, _kind in steps(plan)] == [
        "conf.d/webstack-flask.conf",
        "sites-available/blog.proof",
        "sites-available/shop.conf",
        "sites-enabled/shop.conf",
    ]
    assert steps(plan_for(as_observed(plan), TOGETHER, BLOG)) == []
    assert ("sites-available/blog.proof", "NoneType") in steps(plan_for(as_observed(plan), SHOP, BLOG))


@pytest.mark.parametrize("again", [SHOP, Site("shop", None), TOGETHER], ids=["written anew", "gone", "as it is"])
def test_a_site_in_the_file_of_another_one_is_not_taken_away_unnamed(again: Site) -> None:
    observed = as_observed(plan_for(Observed({}, {}), TOGETHER, BLOG))
    (problem,) = find_forgotten(observed, [again], LAYOUT)
    assert problem.startswith("/etc/nginx/sites-available/shop.conf serves blog, too, with server names that shop has as well")
    assert find_forgotten(observed, [again, BLOG], LAYOUT) == []
    assert find_forgotten(as_observed(plan_for(Observed({}, {}), SHOP)), [again], LAYOUT) == []


def test_the_last_site_takes_what_it_shared_with_it_and_its_link_goes_first() -> None:
    plan = plan_for(as_observed(plan_for(Observed({}, FOREIGN), SHOP)), Site("shop", None))
    assert [path for path, _kind in steps(plan)] == ["sites-enabled/shop.conf", "conf.d/webstack-flask.conf", "sites-available/shop.conf"]
    assert {kind for _path, kind in steps(plan)} == {"NoneType"}
    assert plan.describe_site(Site("shop", None), LAYOUT) == "removed"
    assert plan.texts == FOREIGN


def test_what_sites_share_stays_as_long_as_one_is_there() -> None:
    both = as_observed(plan_for(Observed({}, {}), SHOP, Site("blog", SHOP.text)))
    plan = plan_for(both, Site("blog", None))
    assert [path for path, _kind in steps(plan)] == ["sites-enabled/blog.conf", "sites-available/blog.conf"]


@pytest.mark.parametrize("entry", [File("# webstack.flask.nginx_site\nold\n", LAYOUT.access), File(SHOP.text or "", Access(0, 0, 0o600))])
def test_another_content_or_mode_is_an_update(entry: File) -> None:
    observed = as_observed(plan_for(Observed({}, {}), SHOP))
    plan = plan_for(Observed({**observed.entries, FILE: entry}, {**observed.texts, LINK: entry.text}), SHOP)
    assert steps(plan) == [("sites-available/shop.conf", "File")]
    assert plan.describe_site(SHOP, LAYOUT) == "updated"


@pytest.mark.parametrize(
    ("default_site", "link", "is_pristine", "expected"),
    [
        ("absent", DEFAULT, True, [("sites-enabled/default", "NoneType")]),
        ("absent", DEFAULT, False, []),
        ("absent", None, False, []),
        ("present", DEFAULT, True, []),
        ("present", None, False, [("sites-enabled/default", "Link")]),
    ],
)
def test_the_default_site_goes_only_while_it_is_debians(
    default_site: str, link: Entry, expected: list[tuple[str, str]], *, is_pristine: bool
) -> None:
    page = File("server { listen 80 default_server; }", LAYOUT.access)
    texts = {LAYOUT.default_link: page.text} if link else {}
    entries: dict[Path, Entry] = {LAYOUT.default_link: link, LAYOUT.default_file: page}
    plan = plan_for(Observed(entries, texts, has_pristine_default=is_pristine), default_site=default_site)
    assert steps(plan) == expected
    assert (LAYOUT.default_link in plan.texts) == (default_site == "present" or (link is not None and not is_pristine))


def test_a_default_site_that_does_not_exist_cannot_be_enabled() -> None:
    assert steps(plan_for(Observed({}, {}), default_site="present")) == []


@pytest.mark.parametrize(
    ("path", "entry", "is_foreign"),
    [
        (FILE, File("server {}", LAYOUT.access), True),
        (FILE, Link("/srv/shop.conf"), True),
        (FILE, File(SHOP.text or "", LAYOUT.access), False),
        (LINK, File(SHOP.text or "", LAYOUT.access), True),
        (LINK, Link("/srv/shop.conf"), True),
        (LINK, Link("/etc/nginx/sites-available/shop.conf"), False),
        (LINK, Link("../sites-available/shop.conf"), False),
        (LAYOUT.http, File("", LAYOUT.access), True),
    ],
)
def test_what_somebody_else_wrote_is_recognised(path: Path, entry: Entry, *, is_foreign: bool) -> None:
    problems = find_foreign(Observed({path: entry}, {}), [SHOP], LAYOUT)
    assert [str(path) in problem for problem in problems] == [True] * is_foreign


@pytest.mark.parametrize(
    ("unknown_names", "others", "is_there"),
    [
        ("    return 444;\n", FOREIGN, True),
        ("    return 444;\n", {Path("/etc/nginx/conf.d/a.conf"): "server { listen *:80 default_server; }"}, False),
        ("", FOREIGN, False),
    ],
)
def test_unknown_names_get_no_answer_unless_somebody_gives_one(unknown_names: str, others: dict[Path, str], *, is_there: bool) -> None:
    plan = plan_for(Observed({}, others), SHOP, unknown_names=unknown_names)
    assert ("listen 80 default_server;" in plan.texts[LAYOUT.http]) is is_there


def test_the_digest_is_of_ours_of_their_certificates_and_of_the_default_site_alone() -> None:
    ours = {LINK: SHOP.text or ""}
    assert digest_active(FOREIGN, LAYOUT, {"/c.pem": "a"}) == ""
    assert digest_active(ours, LAYOUT, {}) == digest_active({**ours, **FOREIGN}, LAYOUT, {})
    digests = {digest_active(texts, LAYOUT, {}) for texts in (ours, {LINK: f"{SHOP.text}#"}, {**ours, LAYOUT.default_link: ""})}
    assert len(digests | {digest_active(ours, LAYOUT, {"/c.pem": text}) for text in "ab"}) == 5
    former, present = (digest_active(ours, LAYOUT, {"/c.pem": text}).split() for text in "ab")
    assert former[0] == present[0], "a certificate that was renewed does not change the word of the configuration"


def test_a_name_in_two_files_is_told_with_both() -> None:
    texts = {LINK: SHOP.text or "", Path("/etc/nginx/sites-enabled/mine"): "server { server_name shop.test; }"}
    (conflict,) = list_conflicts(["shop.test", "not-ours.test"], [SHOP], texts)
    assert conflict == (
        "the server name shop.test of the site shop is in /etc/nginx/sites-enabled/mine and /etc/nginx/sites-enabled/shop.conf, "
        "and nginx answers to it from one only"
    )


def test_the_diff_shows_files_links_and_modes() -> None:
    former = File("old\n", Access(1, 2, 0o600))
    changes = [
        Change(FILE, former, File("new\n", LAYOUT.access)),
        Change(FILE, former, File("old\n", LAYOUT.access)),
        Change(LINK, None, Link("x")),
    ]
    assert [(diff["before"], diff["after"]) for diff in diff_changes(changes)] == [
        ("old\n", "new\n"),
        ("owner 1, group 2, mode 0600\n", "owner 0, group 0, mode 0644\n"),
        ("", "link to x\n"),
    ]
