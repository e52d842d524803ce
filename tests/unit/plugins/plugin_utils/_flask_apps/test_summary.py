from __future__ import annotations

from typing import Any

from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.checks import check_apps
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.summary import (
    summarise,
    summarise_host,
    summarise_jobs,
    summarise_removal,
)
from unit.flask_entries import BLOG, FULL


def test_what_was_removed_is_told() -> None:
    result = {
        "apps": {
            "shop": {"changed": True, "removed": ["/a", "/b"], "backup": "/var/backups/x.tar.gz"},
            "blog": {"changed": True, "removed": ["/c"], "kept": "/srv/blog"},
            "empty": {"changed": True, "removed": ["/c"]},
            "plan": {"changed": True, "removed": ["/c"], "doomed": "/srv/plan"},
            "gone": {"changed": False, "removed": [], "kept": "/srv/gone"},
            "wiki": {"changed": False, "removed": []},
        }
    }
    assert summarise_removal(result) == [
        "shop: removed (2 parts); a copy of its data is /var/backups/x.tar.gz",
        "blog: removed (1 parts); its data are still in /srv/blog, which is root's, and closed to others",
        "empty: removed (1 parts); there were no data of it",
        "plan: removed (1 parts); of its data in /srv/plan a copy is made first",
        "gone: is not on the host; its data are still in /srv/gone, which is root's, and closed to others",
        "wiki: is not on the host",
    ]
    assert summarise_removal({"skipped": True}) == []


def test_the_summary_says_what_is_served_where_and_what_was_done() -> None:
    apps = check_apps([FULL, BLOG])
    notes = ["switched from r0 to r1", "stopped release r0"]
    assert summarise(apps, {"releases": {"shop": {"current": "r1", "notes": notes}, "blog": {"current": "r9"}}}) == [
        (
            "shop: http://shop.test:8080/ serves release r1 (switched from r0 to r1; stopped release r0). "
            "Logs: journalctl -u 'shop[@.]*', /var/log/nginx/shop.*.log"
        ),
        "blog: http://blog.test/ serves release r9 (nothing changed). Logs: journalctl -u 'blog@*', /var/log/nginx/blog.*.log",
    ]


def test_the_summary_leaves_out_the_apps_that_the_run_did_not_take_care_of() -> None:
    assert summarise(check_apps([FULL, BLOG]), {"releases": {"blog": {"current": "r9"}}})[0].startswith("blog: ")
    assert summarise(check_apps([FULL]), {}) == []


def test_the_summary_names_what_has_failed() -> None:
    earlier: list[dict[str, Any]] = [{"builds": {"shop": {"error": "no such branch"}, "blog": {}}}, {"skipped": True}]
    released = {"releases": {"blog": {"current": "r8", "notes": ["went back"], "error": "bad"}}}
    assert summarise(check_apps([FULL, BLOG]), released, None, earlier) == [
        "FAILED, shop: there is no new release of it; what was served before, if anything, still is",
        "FAILED, blog: http://blog.test/ serves release r8 (went back). Logs: journalctl -u 'blog@*'",
    ]
    (line,) = summarise(check_apps([BLOG]), {"releases": {"blog": {"current": None, "error": "bad"}}})
    assert line == "FAILED, blog: nothing is served (nothing changed). Logs: journalctl -u 'blog@*'"


def test_an_app_that_is_alone_in_its_group_is_told_when_it_has_switched() -> None:
    released = {name: {"id": "r2", "previous": "r1", "current": "r2"} for name in ("shop", "blog")}
    alone, same = check_apps([FULL, {**BLOG, "group": "sotre"}]), check_apps([{**FULL, "group": "store"}, {**BLOG, "group": "store"}])
    word = "blog: no other entry has the group 'sotre', so nothing is switched together with it"
    assert word in summarise(alone, {"releases": released})
    assert not [line for line in summarise(same, {"releases": released}) if "group" in line]
    assert word not in summarise(alone, {"releases": {name: {**one, "previous": "r2"} for name, one in released.items()}})


def test_what_keeps_users_or_names_away_is_told() -> None:
    files = {"/etc/hosts": "# Your system has configured 'manage_etc_hosts' as True.\n127.0.0.1 localhost\n"}
    lines = summarise_host({"closed": [80, 443], "files": files})
    assert "seems to keep others out of port 80 and 443" in lines[0]
    assert "`ufw allow 80/tcp && ufw allow 443/tcp`" in lines[0]
    assert "cloud-init writes /etc/hosts anew at each boot" in lines[1]
    assert summarise_host({"closed": [], "files": {"/etc/hosts": "127.0.0.1 localhost\n"}}) == summarise_host({}) == []


def test_what_a_procfile_has_besides_is_told_with_a_new_release_and_not_with_each_run() -> None:
    earlier: list[dict[str, Any]] = [
        {"builds": {"blog": {"procfile": {"lines": [[1, "worker", "rq worker"]], "problems": []}}}},
        {"environments": {}},
    ]

    def tell(**outcome: object) -> list[str]:
        return summarise(check_apps([BLOG]), {"releases": {"blog": outcome}}, None, earlier)[1:]

    told = ["  processes: {worker: rq worker}"]
    assert tell(id="r2", previous="r1", current="r2")[1:2] == told
    assert tell(id="r1", previous=None, current="r1")[1:2] == told
    assert tell(id="r2", previous="r1", current="r1", error="bad")[1:2] == told
    assert tell(id="r2", previous="r2", current="r2", changed=True) == []
    assert tell(current="r2", previous="r1") == []


def test_the_journal_of_an_app_with_processes_of_a_procfile_has_theirs() -> None:
    (line,) = summarise(check_apps([{**BLOG, "processes": "Procfile"}]), {"releases": {"blog": {"current": "r1"}}})
    assert "journalctl -u 'blog[@.]*'" in line
    (line,) = summarise(check_apps([{**BLOG, "processes": "none"}]), {"releases": {"blog": {"current": "r1"}}})
    assert "journalctl -u 'blog@*'" in line


def test_how_jobs_went_is_told_with_the_bad_ones_first() -> None:
    good = {"release": "r1", "began": "2026-01-05 04:00:00 UTC", "seconds": 12.5, "result": "success", "reason": "", "lines": ["sent 3"]}
    bad = {**good, "result": "failed", "reason": "its process ended with exit status 3", "lines": ["no money"]}
    runs = {**good, "seconds": None, "result": "running", "lines": []}
    assert summarise_jobs(
        [
            {"app": "shop", "name": "a", "suspended": False, "next": "Mon 2026-01-05 05:00:00 UTC", "runs": [good, bad]},
            {"app": "shop", "name": "b", "suspended": True, "next": "", "runs": [bad, good]},
            {"app": "shop", "name": "c", "suspended": False, "next": "", "runs": []},
            {"app": "blog", "name": "d", "suspended": False, "next": "", "runs": [runs]},
        ]
    ) == [
        "shop.b: suspended",
        "    2026-01-05 04:00:00 UTC: FAILED after 12.5 s, release r1: its process ended with exit status 3",
        "        no money",
        "    2026-01-05 04:00:00 UTC: success after 12.5 s, release r1",
        "blog.d: never again",
        "    2026-01-05 04:00:00 UTC: running, release r1",
        "shop.a: next Mon 2026-01-05 05:00:00 UTC",
        "    2026-01-05 04:00:00 UTC: success after 12.5 s, release r1",
        "        sent 3",
        "    2026-01-05 04:00:00 UTC: FAILED after 12.5 s, release r1: its process ended with exit status 3",
        "shop.c: never again; the journal has no run of it",
    ]
