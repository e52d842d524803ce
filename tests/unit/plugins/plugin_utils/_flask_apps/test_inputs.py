from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.checks import check_apps
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.inputs import (
    certificate_inputs,
    environment_inputs,
    hosts_inputs,
    list_failures,
    list_last_sites,
    list_left_certificates,
    listen_ports,
    port_problems,
    release_inputs,
    removal_inputs,
    site_inputs,
    source_inputs,
    switch_inputs,
    without_app,
    without_failed,
)
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.summary import summarise
from unit.flask_entries import BLOG, FULL, PEM, describe, find_problems


def test_of_an_app_that_is_to_be_absent_the_name_is_enough_and_the_rest_may_stay() -> None:
    gone = {"name": "blog", "state": "absent", "remove_data": True}
    for entry in (gone, {**describe(**gone), "server_names": ["shop.test"]}):
        apps = check_apps([describe(), entry])
        assert apps[1] == gone
        assert [site["name"] for site in source_inputs(apps)] == ["shop"]
        assert site_inputs(apps)[1] == {"name": "blog", "state": "absent"}
        assert removal_inputs(apps) == [{"name": "blog", "remove_data": True}]
        assert hosts_inputs(apps, "192.0.2.1") == [
            {"app": "shop", "address": "192.0.2.1", "names": ["shop.test"]},
            {"app": "blog", "address": "192.0.2.1", "names": []},
        ]
    (problem,) = find_problems({"name": "Blog", "state": "absent"})
    assert problem.startswith("flask_apps[0] (Blog): the app's name is 'Blog'; allowed are 1 to 25 lower-case letters")


def test_one_app_can_be_taken_out_of_the_list_whether_it_is_in_it_or_not() -> None:
    apps = check_apps([describe(), describe(name="blog", server_names=["blog.test"])])
    assert without_app(apps, "blog") == [
        apps[0],
        {"name": "blog", "state": "absent", "remove_data": False, "server_names": ["blog.test"]},
    ]
    assert hosts_inputs(without_app(apps, "blog"), "192.0.2.1")[1] == {
        "app": "blog",
        "address": "192.0.2.1",
        "names": [],
        "former": ["blog.test"],
    }
    assert without_app([], "blog", remove_data=True) == [{"name": "blog", "state": "absent", "remove_data": True}]
    with pytest.raises(UserError, match=r"the app's name is '\.\./etc'"):
        without_app(apps, "../etc")


def test_an_asgi_app_gets_the_workers_that_can_run_it() -> None:
    (app,) = check_apps([describe(wsgi=..., asgi="shop:app")])
    (release,) = release_inputs([app], {"shop": {}}, {"shop": {}})
    assert (release["wsgi"], release["gunicorn"]) == ("shop:app", {"worker_class": "asgi"})
    (other,) = check_apps([describe(wsgi=..., asgi="shop:app", gunicorn={"worker_class": "uvicorn_worker.UvicornWorker"})])
    assert release_inputs([other], {"shop": {}}, {"shop": {}})[0]["gunicorn"] == {"worker_class": "uvicorn_worker.UvicornWorker"}


PROOF = "/etc/nginx/sites-available/shop.proof"
KEY = "-----BEGIN OPENSSH PRIVATE KEY-----"
_BUILDS = {"shop": {"id": "b1", "version": "v1"}, "blog": {"id": "b2", "version": "local"}}


_ENVIRONMENTS = {"shop": {"id": "e1"}, "blog": {"id": "e2"}}


def test_the_source_of_each_app_with_what_the_web_server_reads() -> None:
    defaults = {"subdirectory": "", "submodules": True, "ssh_agent": False}
    assert source_inputs(check_apps([FULL, BLOG])) == [
        {
            "name": "shop",
            "public": ["dist", "public", "public/closed.html"],
            "shared": ["instance", "up/loads"],
            "places": {
                "chdir": ["src"],
                "python_path": ["lib"],
                "static.paths": ["dist", "public"],
                "env_files": [".env"],
                "dependencies.file": ["services/web/requirements.txt"],
                "maintenance.page": ["public/closed.html"],
            },
            "dependency_file": "services/web/requirements.txt",
            "git": "https://example.com/shop.git",
            "version": "v1",
            **defaults,
        },
        {"name": "blog", "public": ["static", "wsgi/static"], "shared": [], "places": {}, "path": "shop", "version": "HEAD", **defaults},
    ]


def test_the_environment_of_each_app() -> None:
    shop, blog = environment_inputs(check_apps([FULL, BLOG]), _BUILDS)
    assert shop == {
        "name": "shop",
        "build": "b1",
        "additions": ["python-dotenv==1.2.4"],
        "file": "services/web/requirements.txt",
        "packages": ["redis"],
        "gunicorn_version": "25.0.0",
        "python": "3.12",
        "ignore_python_requirement": True,
        "ignore_lock_mismatch": True,
        "build_packages": ["libpq-dev"],
        "wheels": "/srv/wheels",
        "index_url": "https://pypi.example.com/simple",
        "environment": {"PIP_RETRIES": 1},
        "git_credentials": {"ssh_key": "-----BEGIN OPENSSH PRIVATE KEY-----", "known_hosts": "example.com ssh-ed25519 AAAA"},
    }
    assert blog == {
        "name": "blog",
        "build": "b2",
        "additions": [],
        "packages": [],
        "ignore_python_requirement": False,
        "ignore_lock_mismatch": False,
        "build_packages": [],
        "environment": {},
    }


@pytest.mark.parametrize(
    ("source", "own", "expected"),
    [
        ({"ssh_key": KEY, "known_hosts": "h k"}, {}, None),
        ({"ssh_key": KEY, "known_hosts": "h k"}, {"git_access": True}, {"ssh_key": KEY, "known_hosts": "h k"}),
        ({"ssh_key": KEY}, {"git_access": True, "known_hosts": "h k"}, {"ssh_key": KEY, "known_hosts": "h k"}),
        ({"ssh_key": KEY}, {"git_access": True, "ssh_key": f"{KEY}2"}, {"ssh_key": f"{KEY}2"}),
        ({"git": "https://ann:token@h.test/a.git"}, {"git_access": True}, {"url": "https://ann:token@h.test/a.git"}),
        ({"git": "https://ann:token@h.test/a.git"}, {"ssh_key": KEY}, {"ssh_key": KEY}),
    ],
)
def test_an_installation_is_lent_what_the_description_says(source: dict[str, Any], own: dict[str, Any], expected: object) -> None:
    apps = check_apps([describe(source={"git": "git@h.test:a.git", **source}, dependencies=own)])
    (entry,) = environment_inputs(apps, _BUILDS)
    assert entry.get("git_credentials") == expected
    assert not {"ssh_key", "known_hosts"} & entry.keys()


def test_what_is_known_of_a_build_that_is_not_there_yet_is_handed_on() -> None:
    builds: dict[str, dict[str, Any]] = {"shop": {"id": "b1", "outline": {"kind": "Pipfile"}}, "blog": {"id": "b2", "outline": None}}
    shop, blog = environment_inputs(check_apps([FULL, BLOG]), builds)
    assert shop["outline"] == {"kind": "Pipfile"}
    assert "outline" not in blog


def test_the_worker_class_of_an_app_brings_what_it_needs() -> None:
    apps = check_apps([describe(gunicorn={"worker_class": "tornado"})])
    assert environment_inputs(apps, _BUILDS)[0]["additions"] == ["tornado==6.6.1"]


def test_the_release_of_each_app() -> None:
    assert release_inputs(check_apps([FULL]), _BUILDS, _ENVIRONMENTS) == [
        {
            "name": "shop",
            "build": "b1",
            "version": "v1",
            "environment": "e1",
            "wsgi": "wsgi:app",
            "chdir": "src",
            "env": {"DEBUG": "0", "PORT": "5", "RATIO": "0.5"},
            "env_files": [".env"],
            "python_path": ["lib"],
            "gunicorn": {"workers": 4},
            "service": {"MemoryMax": "1G"},
            "processes": [
                {
                    "name": "mail",
                    "command": "celery -A shop worker",
                    "count": 2,
                    "drain": 600,
                    "ready": "celery -A shop inspect ping",
                    "watch": 5,
                    "exclusive": False,
                    "service": {},
                },
                {"name": "bot", "command": "python bot.py", "count": 1, "drain": 30, "watch": 5, "exclusive": False, "service": {}},
            ],
            "commands": ["flask db upgrade"],
            "command_timeout": 60,
            "health": {"path": "/up", "statuses": [200], "timeout": 1, "interval": 0.2, "deadline": 60},
            "proxy": {"host": "shop.test", "port": 8080, "tls": False, "proof": PROOF},
            "drain": 10,
            "watch": 2,
            "shared": {"directories": ["instance", "up/loads"], "files": []},
            "public": [],
            "keep": 5,
        }
    ]


@pytest.mark.parametrize(
    ("directories", "paths", "public"),
    [
        (["media"], ["media"], ["media"]),
        (["./media/"], ["media"], ["media"]),
        (["data"], ["data/media/small", "data/media"], ["data/media", "data/media/small"]),
        (["shop/static/up"], ["shop/static/up"], ["shop/static/up"]),
    ],
)
def test_data_that_are_static_are_public_and_nginx_takes_them_from_where_they_are(
    directories: list[str], paths: list[str], public: list[str]
) -> None:
    apps = check_apps([describe(shared={"directories": directories}, static=[{"url": "/media/", "paths": paths}])])
    assert release_inputs(apps, {"shop": {}}, {"shop": {}})[0]["public"] == public
    (mapping,) = site_inputs(apps)[0]["static"]
    assert mapping == {"url": "/media/", "paths": [f"shared/{path}" for path in paths], "uploads_in": "shared"}


@pytest.mark.parametrize("static", [..., [{"url": "/static/", "paths": ["static"]}], [{"url": "/m/", "paths": ["media2"]}]])
def test_data_that_no_mapping_names_are_not_public(static: object) -> None:
    apps = check_apps([describe(shared={"directories": ["static/up", "media"]}, static=static)])
    assert release_inputs(apps, {"shop": {}}, {"shop": {}})[0]["public"] == []
    assert all("uploads_in" not in mapping for mapping in site_inputs(apps)[0]["static"])


def test_what_a_check_run_on_a_bare_host_cannot_know_is_empty() -> None:
    apps = check_apps([describe()])
    unknown: dict[str, dict[str, Any]] = {"shop": {"id": None, "changed": True}}
    assert environment_inputs(apps, unknown)[0]["build"] == ""
    release = release_inputs(apps, unknown, {"shop": {}})[0]
    assert (release["build"], release["environment"], release["version"]) == ("", "", "")


def test_the_site_of_each_app() -> None:
    assert site_inputs(check_apps([FULL, BLOG])) == [
        {
            "name": "shop",
            "server_names": ["*.shop.test", "shop.test", "www.shop.test"],
            "upstream": "unix:/var/www/shop/current/gunicorn.sock",
            "path": "/",
            "root": "/var/www/shop",
            "static": [
                {
                    "url": "/assets/",
                    "paths": ["current/app/dist", "current/app/public", "previous/app/dist", "previous/app/public"],
                },
            ],
            "maintenance": {
                "file": "maintenance.html",
                "pages": ["current/app/public/closed.html"],
                "allow": [],
                "paths": ["/webhooks/"],
                "retry_after": 300,
            },
            "listen_port": 8080,
            "client_max_body_size": "1m",
        },
        {
            "name": "blog",
            "server_names": ["blog.test"],
            "upstream": "unix:/var/www/blog/current/gunicorn.sock",
            "path": "/",
            "root": "/var/www/blog",
            "static": [
                {
                    "url": "/static/",
                    "paths": ["current/app/static", "current/app/wsgi/static", "previous/app/static", "previous/app/wsgi/static"],
                },
            ],
            "maintenance": {"file": "maintenance.html", "pages": [], "allow": [], "paths": [], "retry_after": 300},
            "listen_port": 80,
        },
    ]


def test_an_app_below_a_path_learns_it_and_is_asked_below_it() -> None:
    apps = check_apps([describe(path="/shop/", health={"path": "/up"})])
    (release,), (site,) = release_inputs(apps, _BUILDS, _ENVIRONMENTS), site_inputs(apps)
    assert (release["env"], release["gunicorn"], release["health"]["path"]) == (
        {"FLASK_APP": "wsgi:app", "SCRIPT_NAME": "/shop"},
        {},
        "/shop/up",
    )
    assert switch_inputs(apps)[0]["health"]["path"] == "/shop/up"
    assert (site["path"], site["static"][0]["url"]) == ("/shop/", "/static/")
    assert summarise(apps, {"releases": {"shop": {"current": "r1"}}})[0].startswith("shop: http://shop.test/shop/ serves")


def test_an_asgi_app_below_a_path_learns_it_by_a_setting() -> None:
    (release,) = release_inputs(check_apps([describe(path="/shop", gunicorn={"worker_class": "asgi"})]), _BUILDS, _ENVIRONMENTS)
    assert (release["env"], release["gunicorn"]) == (
        {"FLASK_APP": "wsgi:app"},
        {"root_path": "/shop", "worker_class": "asgi"},
    )


def test_an_app_behind_a_balancer_of_tcp_is_asked_as_one() -> None:
    nginx = {"trusted_proxies": ["10.0.0.0/8"], "trusted_header": "proxy_protocol"}
    for tls in ({}, {"tls": "acme"}, {"tls": "self_signed"}):
        apps = check_apps([describe(nginx=nginx, **tls)])
        assert switch_inputs(apps)[0]["proxy"]["proxy_protocol"] is True
        assert site_inputs(apps)[0]["trusted_header"] == "proxy_protocol"


def test_an_encrypted_app_is_asked_and_shown_so() -> None:
    tls = {"certificate": "/etc/ssl/c.pem", "key": "/etc/ssl/k.pem", "port": 8443}
    apps = check_apps([describe(tls=tls)])
    assert switch_inputs(apps)[0]["proxy"] == {"host": "shop.test", "port": 8443, "tls": True, "proof": PROOF}
    assert certificate_inputs(apps) == [{"name": "shop", "names": ["shop.test"], "certificate": "/etc/ssl/c.pem", "key": "/etc/ssl/k.pem"}]
    assert site_inputs(apps)[0]["tls"] == {**tls, "redirect": True, "hsts": 0, "hsts_subdomains": False, "http3": False}
    assert summarise(apps, {"releases": {"shop": {"current": "r1"}}})[0].startswith("shop: https://shop.test:8443/ serves")
    (problem,) = find_problems(describe(tls=tls), describe(name="blog", nginx={"listen_port": 8443}))
    assert problem.startswith("the server name 'shop.test' on port 8443 is claimed by shop and blog")
    (problem,) = find_problems(describe(tls={**tls, "key": "k.pem"}))
    assert problem.startswith("flask_apps[0] (shop): tls.key is 'k.pem'; allowed is an absolute path")


@pytest.mark.parametrize(("tls", "given"), [("self_signed", {}), ({"mode": "self_signed"}, {}), (PEM, PEM)])
def test_a_certificate_that_the_machine_keeps_is_handed_from_one_role_to_the_other(tls: object, given: dict[str, str]) -> None:
    apps = check_apps([describe(tls=tls, server_names=["shop.test", "*.shop.test", "www.shop.*"]), describe(name="gone", state="absent")])
    assert certificate_inputs(apps) == [
        {"name": "shop", "names": ["shop.test", "*.shop.test"], **given},
        {"name": "gone", "state": "absent"},
    ]
    site = site_inputs(apps)[0]["tls"]
    assert site["certificate"] == site["key"] == "/etc/webstack-flask/certificates/shop.pem"
    assert "mode" not in site


ACME_NAMES = ["shop.test", "www.shop.test", "www.shop.*"]


def test_an_app_that_waits_for_its_certificate_is_served_without_encryption() -> None:
    apps = check_apps([describe(tls="acme", server_names=ACME_NAMES)])
    assert certificate_inputs(apps) == [{"name": "shop", "names": ["shop.test", "www.shop.test"], "acme": "http"}]
    assert "tls" not in site_inputs(apps)[0]
    assert "tls" not in site_inputs(apps, {"shop": {"covered": []}})[0]
    outcome = {"covered": [], "problems": ["shop.test: it does not resolve"]}
    assert summarise(apps, {"releases": {"shop": {"current": "r1"}}}, {"shop": outcome}) == [
        "shop: http://shop.test/ serves release r1 (nothing changed). Logs: journalctl -u 'shop@*', /var/log/nginx/shop.*.log",
        "ATTENTION, shop: shop.test: it does not resolve",
        f"ATTENTION, shop: {', '.join(ACME_NAMES)} served WITHOUT ENCRYPTION for want of a certificate; the next run asks again",
    ]


def test_names_that_are_certified_are_served_encrypted_and_the_others_are_not() -> None:
    apps = check_apps([describe(tls={"mode": "acme", "challenge": "dns", "port": 8443}, server_names=ACME_NAMES)])
    (site,) = site_inputs(apps, {"shop": {"covered": ["shop.test"]}})
    assert site["tls"]["server_names"] == ["shop.test"]
    assert site["tls"]["certificate"] == site["tls"]["key"] == "/etc/webstack-flask/certificates/shop.pem"
    assert {"mode", "challenge"}.isdisjoint(site["tls"])
    (site,) = site_inputs(apps, {"shop": {"covered": ACME_NAMES}})
    assert site["tls"]["server_names"] == []
    lines = summarise(apps, {"releases": {"shop": {"current": "r1"}}}, {"shop": {"covered": ACME_NAMES, "problems": []}})
    assert [line.partition(" serves")[0] for line in lines] == ["shop: https://shop.test:8443/"]


def test_the_host_decides_whether_an_app_with_an_authority_is_asked_encrypted() -> None:
    apps = check_apps(
        [describe(tls={"mode": "acme", "challenge": "dns"}, server_names=["*.shop.test", "a.test"], nginx={"listen_port": 8080})]
    )
    assert switch_inputs(apps)[0]["proxy"] == {
        "host": "a.test",
        "port": 8080,
        "certified": {
            "certificate": "/etc/webstack-flask/certificates/shop.pem",
            "encrypted_port": 443,
            "names": ["a.test", "www.shop.test"],
        },
        "proof": PROOF,
    }


@pytest.mark.parametrize("tls", ["off", False, {"mode": "off", "certificate": "/a"}])
def test_encryption_can_be_off(tls: object) -> None:
    apps = check_apps([describe(tls=tls)])
    assert certificate_inputs(apps) == []
    assert certificate_inputs(apps, has_certbot=True) == [{"name": "shop", "state": "absent"}]
    assert "tls" not in site_inputs(apps)[0]
    assert switch_inputs(apps)[0]["proxy"] == {"host": "shop.test", "port": 80, "tls": False, "proof": PROOF}


def test_what_the_user_says_of_the_path_counts() -> None:
    apps = check_apps([describe(path="/shop", env={"SCRIPT_NAME": ""})])
    assert release_inputs(apps, _BUILDS, _ENVIRONMENTS)[0]["env"] == {"FLASK_APP": "wsgi:app", "SCRIPT_NAME": ""}


def test_the_switch_of_all_apps_or_of_one() -> None:
    apps = check_apps([FULL, BLOG])
    assert [app["name"] for app in switch_inputs(apps)] == ["shop", "blog"]
    assert switch_inputs(apps, "blog") == [
        {
            "name": "blog",
            "health": {"path": "/", "statuses": [], "timeout": 5, "interval": 0.2, "deadline": 60},
            "proxy": {"host": "blog.test", "port": 80, "tls": False, "proof": "/etc/nginx/sites-available/blog.proof"},
            "drain": 30,
            "watch": 1,
        }
    ]
    with pytest.raises(UserError) as caught:
        switch_inputs(apps, "blgo")
    assert str(caught.value) == "flask_apps names no app 'blgo'; it names shop, blog"


def test_hosts_files_get_the_names_that_they_can_hold() -> None:
    apps = check_apps([FULL, describe(name="wild", server_names=["*.wild.test"])])
    assert hosts_inputs(apps, "192.0.2.1") == [
        {"app": "shop", "address": "192.0.2.1", "names": ["shop.test", "www.shop.test"]},
        {"app": "wild", "address": "192.0.2.1", "names": []},
    ]


def test_an_app_with_wildcards_alone_is_proven_by_a_name_that_they_cover() -> None:
    apps = check_apps([describe(server_names=["*.shop.test"])])
    assert switch_inputs(apps)[0]["proxy"]["host"] == "www.shop.test"


_BUILT = {"builds": {"shop": {"id": "1", "error": "no such branch"}, "blog": {"id": "2"}}}
_INSTALLED = {"environments": {"blog": {"id": "3"}}}


def test_the_others_go_on_without_an_app_that_has_failed() -> None:
    apps = [*check_apps([FULL, BLOG]), {"name": "gone", "state": "absent", "remove_data": False}]
    assert without_failed(apps, [{}, {"skipped": True}]) == apps
    going = without_failed(apps, [_BUILT, _INSTALLED])
    assert [app["name"] for app in going] == ["blog", "gone"]
    assert [app["name"] for app in environment_inputs(going, _BUILT["builds"])] == ["blog"]
    assert [app["name"] for app in release_inputs(going, _BUILT["builds"], _INSTALLED["environments"])] == ["blog"]


def test_an_app_of_which_another_one_of_its_group_has_failed_stays_as_it_is_with_its_site() -> None:
    apps = check_apps(
        [describe(group="store"), {**BLOG, "group": "store"}, describe(name="wiki", server_names=["wiki.test"], group="other")]
    )
    results = [{"builds": {"blog": {"error": "no such branch"}, "shop": {"id": "b1"}, "wiki": {"id": "b2"}}}]
    assert [app["name"] for app in without_failed(apps, results)] == ["wiki"]
    assert [site["name"] for site in site_inputs(apps, {}, results)] == ["wiki"]
    assert summarise(apps, {}, None, results) == [
        (
            "FAILED, shop: there is no new release of it, because blog, of the same group, has failed; what was served before, if "
            "anything, still is"
        ),
        "FAILED, blog: there is no new release of it; what was served before, if anything, still is",
    ]
    assert list_failures(results) == ["blog: no such branch"]


def test_a_rollback_of_one_app_is_one_of_its_group() -> None:
    apps = check_apps([describe(group="store"), describe(name="wiki", server_names=["wiki.test"]), {**BLOG, "group": "store"}])
    assert [(app["name"], app.get("group")) for app in switch_inputs(apps, "blog")] == [("shop", "store"), ("blog", "store")]
    assert [(app["name"], app.get("group")) for app in switch_inputs(apps, "wiki")] == [("wiki", None)]
    released = release_inputs(apps, {app["name"]: {} for app in apps}, {app["name"]: {} for app in apps})
    assert [app.get("group") for app in released] == ["store", None, "store"]
    gone = check_apps([describe(group="store"), {**BLOG, "group": "store", "state": "absent"}])
    assert [app["name"] for app in switch_inputs(gone, "shop")] == ["shop"]


def test_what_has_failed_is_told_in_the_end_by_its_name_and_reason() -> None:
    released = {"releases": {"blog": {"error": "it does not start\nat all"}}}
    assert list_failures([_BUILT, _INSTALLED, released]) == ["shop: no such branch", "blog: it does not start\nat all"]
    assert list_failures([_INSTALLED]) == []


def test_who_holds_a_port_that_nginx_is_to_have_is_told_with_what_to_do() -> None:
    apps = check_apps(
        [describe(), describe(name="blog", server_names=["blog.test"], tls={"mode": "self_signed"}), {"name": "gone", "state": "absent"}]
    )
    assert listen_ports(apps) == [80, 443]
    apache = [{"name": "apache2", "process": "77", "unit": "apache2.service"}]
    held = port_problems(apps, {"80": apache, "443": [{"name": "", "process": "", "unit": ""}]})
    assert held == [
        (
            "Port 80 is held by apache2 (process 77), and nginx is to listen there for shop, blog. Stop that program for good "
            "(`systemctl disable --now apache2.service`), or give the app another port: `nginx: {listen_port: 8080}`."
        ),
        (
            "Port 443 is held by a program that does not show itself, and nginx is to listen there for blog. Stop that program for good "
            "(`ss -tlnp 'sport = :443'` shows it), or give the app another port: `port: 8443` below `tls`."
        ),
    ]
    assert port_problems(apps, {"80": [*apache, {"name": "nginx", "process": "1", "unit": "nginx.service"}]}) == []
    assert port_problems(apps, {"8080": apache}) == []


def test_the_sites_of_apps_that_were_never_live_go_when_they_have_failed() -> None:
    releases = {"new": {"error": "x", "current": None}, "old": {"error": "x", "current": "r1"}, "plan": {"current": None}}
    assert list_last_sites({"releases": releases}) == [{"name": "new", "state": "absent"}]
    assert list_last_sites({}) == []


BOT: dict[str, Any] = {"wsgi": ..., "server_names": ..., "processes": {"bot": "python bot.py"}}
GONE, KEPT = ({"name": "shop", "state": state} for state in ("absent", "kept"))


def test_what_users_reach_stays_until_the_release_that_has_no_web_process_has_taken_over() -> None:
    apps, live = check_apps([describe(**BOT)]), {"shop": "/"}
    good, bad = {"releases": {"shop": {"current": "r2", "previous": "r1"}}}, {"releases": {"shop": {"error": "x", "current": "r1"}}}
    assert site_inputs(apps) == site_inputs(apps, {}, [], {"shop": ""}) == [GONE]
    assert site_inputs(apps, {}, [], live) == site_inputs(apps, {}, [{"builds": {"shop": {"error": "x"}}}], live) == [KEPT]
    assert certificate_inputs(apps, has_certbot=True) == [GONE]
    assert certificate_inputs(apps, has_certbot=True, live=live) == []
    for result in ({}, bad):
        assert list_last_sites(result, apps, {}, live) == list_left_certificates(result, apps, live) == []
        assert hosts_inputs(apps, "192.0.2.1", result, live) == []
    assert list_last_sites(good, apps, {}, live) == list_left_certificates(good, apps, live) == [GONE]
    assert list_last_sites(good, apps, {}, {"shop": ""}) == []
    for result, before in ((good, live), ({}, {}), (bad, {"shop": ""})):
        assert hosts_inputs(apps, "192.0.2.1", result, before) == [{"app": "shop", "address": "192.0.2.1", "names": []}]


def test_an_app_that_was_to_get_a_web_process_and_failed_leaves_no_site() -> None:
    apps, failed = check_apps([describe()]), {"error": "x", "current": "r1", "previous": "r1"}
    assert list_last_sites({"releases": {"shop": failed}}, apps, {}, {"shop": ""}) == [GONE]
    assert list_last_sites({"releases": {"shop": failed}}, apps, {}, {"shop": "/"}) == []
    # It has failed after users had been taken to it.
    assert list_last_sites({"releases": {"shop": {**failed, "current": "r2"}}}, apps, {}, {"shop": ""}) == []


def test_when_one_site_goes_in_the_end_all_others_are_what_they_were_or_are_to_be() -> None:
    others = [describe(name=name, server_names=[f"{name}.test"]) for name in ("blog", "lost", "new")]
    apps = check_apps([describe(**BOT), describe(name="mail", **BOT), *others])
    failed = {"error": "x", "current": "r1", "previous": "r1"}
    result = {"releases": {"shop": {"current": "r2"}, "mail": failed, "blog": failed, "new": {"error": "x", "current": None}}}
    sites = list_last_sites(result, apps, {}, {"shop": "/", "mail": "/", "blog": "/", "lost": "/"}, [{"builds": {"lost": {"error": "x"}}}])
    assert [(site["name"], site.get("state")) for site in sites] == [
        ("blog", None),
        ("mail", "kept"),
        ("shop", "absent"),
        ("new", "absent"),
    ]


def test_commands_make_another_build_and_so_does_what_they_run_with() -> None:
    def recipe(**changes: object) -> str | None:
        (source,) = source_inputs(check_apps([describe(**changes)]))
        return source.get("recipe")

    commands: dict[str, object] = {"build_commands": ["make"]}
    assert recipe() is None
    others: list[dict[str, object]] = [
        {"build_env": {"MODE": "x"}},
        {"build_commands": ["make all"]},
        {"chdir": "web"},
        {"dependencies": {"packages": ["flask"]}},
        {"wsgi": "other:app"},
    ]
    recipes = [recipe(**commands), *(recipe(**{**commands, **other}) for other in others)]
    assert None not in recipes
    assert len(set(recipes)) == len(recipes)
    assert recipe(**commands) == recipe(**commands, env={"SECRET": "x"}, keep_releases=9)


def test_commands_get_no_variable_of_the_app_but_those_that_are_named() -> None:
    apps = check_apps([describe(env={"SECRET": "x"}, build_commands=["make"], build_env={"MODE": 1}, shared={"directories": ["data/"]})])
    (environment,) = environment_inputs(apps, _BUILDS)
    assert environment["step"]["environment"] == {"FLASK_APP": "wsgi:app", "MODE": "1"}
    assert environment["step"]["shared"] == ["data"]
    assert "step" not in environment_inputs(check_apps([describe()]), _BUILDS)[0]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, "wsgi:app"),
        ({"env": {"FLASK_APP": "manage.py"}}, "manage.py"),
        ({"env_files": [".flaskenv"]}, None),
        ({"wsgi": ..., "asgi": "main:app"}, None),
    ],
)
def test_the_command_flask_finds_the_app_unless_something_else_tells_it(changes: dict[str, Any], told: str | None) -> None:
    (release,) = release_inputs(check_apps([describe(**changes)]), _BUILDS, _ENVIRONMENTS)
    assert release["env"].get("FLASK_APP") == told


@pytest.mark.parametrize(
    ("gunicorn", "places"),
    [
        ({}, {}),
        ({"config": "./web/gunicorn.conf.py"}, {"gunicorn.config": ["web/gunicorn.conf.py"]}),
        ({"config": "none"}, {"gunicorn.config": []}),
    ],
)
def test_a_configuration_of_the_source_must_be_there_and_one_that_is_not_to_count_is_no_news(
    gunicorn: dict[str, Any], places: dict[str, list[str]]
) -> None:
    (source,) = source_inputs(check_apps([describe(gunicorn=gunicorn)]))
    assert source["places"] == places


def test_the_processes_of_a_procfile_are_those_of_the_release_whose_build_has_it() -> None:
    apps = check_apps([describe(processes="Procfile")])
    (source,) = source_inputs(apps)
    assert source["places"] == {"processes": ["Procfile"]}
    build = {"id": "0123", "procfile": {"lines": [[1, "web", "gunicorn a:b"], [3, "beat", "celery -A shop beat"]], "problems": []}}
    (release,) = release_inputs(apps, {"shop": build}, {"shop": {}})
    assert release["processes"] == [{"name": "beat", "command": "celery -A shop beat", "exclusive": True}]
    assert "processes" not in release_inputs(apps, {"shop": {}}, {"shop": {}})[0]
    assert "processes" not in release_inputs(check_apps([describe(processes="none")]), {"shop": build}, {"shop": {}})[0]
