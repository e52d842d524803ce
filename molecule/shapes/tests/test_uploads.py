"""What users upload, the app writes, and nginx sends, though nobody else reads the data of an app."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from scenario_tests import as_user, http_get, http_request

if TYPE_CHECKING:
    from collections.abc import Iterator

    from testinfra.host import Host

testinfra_hosts = ["served"]

ROOT = "/var/www/greeter"
DATA = f"{ROOT}/shared/data"
SECRET = "/srv/for-nginx-alone"  # noqa: S105
OF_THE_APP = "The requested URL was not found on the server."


def write(host: Host, script: str) -> None:
    """Write as the app does, with the umask of its unit."""
    umask = host.check_output("systemctl show --property UMask --value 'greeter@*.service' | head -n 1")
    written = as_user(host, "greeter", f"set -e; umask {umask}; cd {DATA}; {script}")
    assert written.rc == 0, written.stderr


@pytest.fixture
def written(host: Host) -> Iterator[None]:
    """Have the app write this and that, and root a link to it among the static files of the source."""
    write(
        host, "mkdir -p uploads/2026/new; echo new > uploads/2026/new/a.png; echo here > uploads/b.html; echo x > private; echo x > ../key"
    )
    write(host, "echo x > uploads/draft; chmod 0600 uploads/draft; mkfifo uploads/pipe; echo x > uploads/.env")
    host.check_output(f"install -o www-data -g www-data -m 0600 /dev/null {SECRET} && echo secret > {SECRET}")
    write(host, f"ln -sf {SECRET} uploads/secret.png; ln -sf ../private uploads/private.png; ln -sfn /etc/nginx uploads/nginx")
    host.check_output(f"ln -s {DATA}/uploads {ROOT}/current/app/media/up")
    yield
    host.check_output(f"rm -r {SECRET} {ROOT}/current/app/media/up {DATA}/uploads/* {DATA}/uploads/.env {DATA}/private {ROOT}/shared/key")


@pytest.mark.usefixtures("written")
def test_nginx_sends_what_an_app_has_written_in_a_public_directory_and_nothing_else(host: Host) -> None:
    for path, body in (("2026/new/a.png", "new\n"), ("b.html", "here\n")):
        sent = http_get(host, "greeter.test", f"/uploads/{path}")
        assert (sent.status, sent.body) == (200, body)
        said = {name: sent.headers[name] for name in ("x-content-type-options", "content-security-policy", "x-frame-options")}
        assert said == {"x-content-type-options": "nosniff", "content-security-policy": "sandbox", "x-frame-options": "SAMEORIGIN"}
    for path in (
        "secret.png",
        "private.png",
        "nginx/nginx.conf",
        "../private",
        "..%2fprivate",
        "draft",
        "nothing.png",
        "2026",
        "2026/",
        "",
    ):
        answer = http_get(host, "greeter.test", f"/uploads/{path}")
        assert answer.status == 404
        assert OF_THE_APP in answer.body, f"{path} is for the app to answer"
    assert [http_get(host, "greeter.test", f"/uploads/{path}").status for path in ("pipe", ".env")] == [404, 404]
    assert http_request(host, "greeter.test", "POST", "/uploads/b.html").status == 404
    assert OF_THE_APP in http_get(host, "greeter.test", "/media/up/b.html").body, "a link leads there that is not the app's"
    assert "max-age=3600" in http_get(host, "greeter.test", "/static/style.css").headers["cache-control"], "nginx sends the source, too"


@pytest.mark.usefixtures("written")
def test_nobody_else_reads_what_users_have_uploaded_and_nginx_reads_nothing_else_of_the_app(host: Host) -> None:
    assert as_user(host, "www-data", f"cat {DATA}/uploads/b.html").stdout == "here\n"
    for account in ("nobody", "ledger", "_build-greeter"):
        assert as_user(host, account, f"cat {DATA}/uploads/b.html").rc != 0, account
    for path in ("data/private", "key", "data/uploads/draft"):
        assert as_user(host, "www-data", f"cat {ROOT}/shared/{path}").rc != 0, path
    for directory in (f"{ROOT}/shared", DATA):
        assert as_user(host, "www-data", f"ls {directory}").rc != 0, directory
    assert host.file(f"{ROOT}/shared").mode == 0o750
