"""What users upload, the app writes, and nginx sends, though nobody else reads the data of an app."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scenario_tests import as_user, http_get, http_request

if TYPE_CHECKING:
    from testinfra.host import Host

testinfra_hosts = ["served"]

DATA = "/var/www/falcon/shared/data"
SECRET = "/srv/for-nginx-alone"  # noqa: S105


def write(host: Host, script: str) -> None:
    """Write as the app does, with the umask of its unit."""
    umask = host.check_output("systemctl show --property UMask --value 'falcon@*.service' | head -n 1")
    written = as_user(host, "falcon", f"set -e; umask {umask}; cd {DATA}; {script}")
    assert written.rc == 0, written.stderr


def test_nginx_sends_what_an_app_has_written_in_a_public_directory_and_nothing_else(host: Host) -> None:
    write(
        host, "mkdir -p uploads/2026/new; echo new > uploads/2026/new/a.png; echo here > uploads/b.html; echo x > private; echo x > ../key"
    )
    host.check_output(f"install -o www-data -g www-data -m 0600 /dev/null {SECRET} && echo secret > {SECRET}")
    write(host, f"ln -sf {SECRET} uploads/secret.png; ln -sf ../private uploads/private.png; ln -sfn /etc/nginx uploads/nginx")
    try:
        for path, body in (("2026/new/a.png", "new\n"), ("b.html", "here\n")):
            sent = http_get(host, "falcon.test", f"/uploads/{path}")
            assert (sent.status, sent.body) == (200, body)
            said = {name: sent.headers[name] for name in ("x-content-type-options", "content-security-policy", "x-frame-options")}
            assert said == {"x-content-type-options": "nosniff", "content-security-policy": "sandbox", "x-frame-options": "SAMEORIGIN"}
        for path in ("secret.png", "private.png", "nginx/nginx.conf", "../private", "..%2fprivate", "nothing.png", ""):
            answer = http_get(host, "falcon.test", f"/uploads/{path}")
            assert (answer.status, answer.headers["content-type"]) == (404, "application/json"), f"{path} is for the app to answer"
        assert http_request(host, "falcon.test", "POST", "/uploads/b.html").status == 404
    finally:
        host.check_output(f"rm {SECRET}")
    for account in ("nobody", "layered", "_build-falcon"):
        assert as_user(host, account, f"cat {DATA}/uploads/b.html").rc != 0, account
    for path in ("data/private", "key"):
        assert as_user(host, "www-data", f"cat /var/www/falcon/shared/{path}").rc != 0, path
    for directory in ("/var/www/falcon/shared", DATA):
        assert as_user(host, "www-data", f"ls {directory}").rc != 0, directory
    assert host.file("/var/www/falcon/shared").mode == 0o750
