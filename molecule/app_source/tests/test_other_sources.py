"""Private repositories, submodules, parts of a repository, and archives."""

from __future__ import annotations

import os
import re
import subprocess
import tarfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import testinfra
from scenario_tests import one_of, run_role

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scenario_tests import Play
    from testinfra.host import Host

testinfra_hosts = one_of("debian12", "debian13")

_NO_AGENT = 2
"""Status of ssh-add when no agent answers."""

SSH_URL = "git@remote:/srv/git/guestbook"
SMALLEST = Path(os.environ["MOLECULE_PROJECT_DIRECTORY"]) / "tests/apps/smallest"


def run(host: Host, name: str, *, options: tuple[str, ...] = (), **source: object) -> Play:
    return run_role(host, "app_source", {"app_source_apps": [{"name": name, **source}]}, options=options)


def files(host: Host, name: str) -> set[str]:
    """Return the files of the one build of an app."""
    (build,) = host.check_output("ls -A %s", f"/var/www/{name}/builds").split()
    return set(host.check_output("cd %s && find . -not -type d -printf '%%P\\n'", f"/var/www/{name}/builds/{build}").split())


@pytest.fixture(scope="module")
def remote() -> Host:
    return testinfra.get_host("ansible://remote", ansible_inventory=os.environ["MOLECULE_INVENTORY_FILE"], sudo=True)


@pytest.fixture(autouse=True)
def _afresh(host: Host) -> None:
    host.check_output("rm -rf /var/www/other /var/cache/webstack-flask/other")


@pytest.fixture(scope="module")
def deploy_key(remote: Host, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the private half of a key by which the user git of the remote reads its repositories."""
    key = tmp_path_factory.mktemp("key") / "id"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    remote.check_output("id git || useradd --create-home --shell /usr/bin/git-shell git; git config --system safe.directory '*'")
    remote.check_output(
        "install -d -o git -m 700 ~git/.ssh && echo %s > ~git/.ssh/authorized_keys", key.with_suffix(".pub").read_text().strip()
    )
    return key


@pytest.fixture(scope="module")
def known_hosts(remote: Host) -> str:
    return "remote " + " ".join(remote.check_output("cat /etc/ssh/ssh_host_ed25519_key.pub").split()[:2])


def test_a_private_repository_is_read_by_a_deploy_key_that_does_not_stay(host: Host, deploy_key: Path, known_hosts: str) -> None:
    key = deploy_key.read_text()
    play = run(host, "other", git=SSH_URL, version="main", ssh_key=key, known_hosts=known_hosts, options=("-vvv",)).succeeded()
    assert "app.py" in files(host, "other")
    secret = key.splitlines()[2]
    assert secret not in play.output
    # The journal first: the search for files is in it.
    assert secret not in host.check_output("journalctl --no-pager")
    assert host.run("grep --recursive --files-with-matches --fixed-strings %s /run /root /tmp /var/cache /var/www", secret).stdout == ""
    assert run(host, "other", git=SSH_URL, version="main", ssh_key=key, known_hosts=known_hosts).succeeded().changed == 0


@pytest.mark.parametrize("wrong", ["another server's key", "none"])
def test_a_server_that_is_not_known_is_not_believed(host: Host, deploy_key: Path, known_hosts: str, wrong: str) -> None:
    other_key = "AAAAC3NzaC1lZDI1NTE5AAAAIFj8nPXyRT0rdTKEcSPCJzmkXcmpRJeiHHsL5wf7VPcr"
    pinned: dict[str, Any] = {"known_hosts": re.sub(r"AAAA\S+", other_key, known_hosts)} if wrong != "none" else {}
    refused = run(host, "other", git=SSH_URL, ssh_key=deploy_key.read_text(), **pinned)
    assert refused.status != 0
    assert "Host key verification failed" in refused.output
    assert "`ssh-keyscan HOST`" in refused.output
    assert not host.file("/var/www/other").exists


def test_a_key_that_the_server_does_not_take_is_told(host: Host, known_hosts: str, tmp_path: Path, deploy_key: Path) -> None:
    del deploy_key  # the user git is there
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "id")], check=True)
    refused = run(host, "other", git=SSH_URL, ssh_key=(tmp_path / "id").read_text(), known_hosts=known_hosts)
    assert refused.status != 0
    assert "repository as a deploy key (`ssh-keygen -y -f KEY` prints it)" in " ".join(refused.output.split())


@pytest.fixture
def agent(deploy_key: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Run an agent with the key on the machine that runs Ansible."""
    socket = tmp_path / "agent"
    with subprocess.Popen(["ssh-agent", "-D", "-a", str(socket)], stdout=subprocess.DEVNULL) as process:
        monkeypatch.setenv("SSH_AUTH_SOCK", str(socket))
        while subprocess.run(["ssh-add", "-l"], capture_output=True, check=False).returncode == _NO_AGENT:
            assert process.poll() is None
            time.sleep(0.05)
        subprocess.run(["ssh-add", "-q", str(deploy_key)], check=True)
        yield
        process.terminate()


@pytest.mark.usefixtures("agent")
def test_a_forwarded_agent_is_found_although_the_role_becomes_root(host: Host, known_hosts: str) -> None:
    # A connection that lasts for the whole run, as Ansible's do, but not one of before that forwards nothing.
    forward = (f"--ssh-extra-args=-o ForwardAgent=yes -o ControlPath=/tmp/agent-{os.getpid()}-%C",)
    without = run(host, "other", git=SSH_URL, known_hosts=known_hosts, options=forward)
    assert "Permission denied (publickey" in without.output
    run(host, "other", git=SSH_URL, known_hosts=known_hosts, ssh_agent=True, options=forward).succeeded()
    assert "app.py" in files(host, "other")


@pytest.fixture(scope="module")
def combined(remote: Host) -> str:
    """Make a repository with another one as a submodule, and return its address."""
    remote.check_output(
        "test -e /srv/git/combined || { mkdir -p /srv/git/combined/services/web && cd /srv/git/combined && git init -q -b main && "
        "echo web > services/web/app.py && git -c protocol.file.allow=always submodule --quiet add ../guestbook services/web/book && "
        "git add --all && git -c user.name=a -c user.email=a@b commit -q -m first; }"
    )
    return "git://remote/combined"


def test_submodules_come_at_the_commit_that_is_named_unless_they_are_not_wanted(host: Host, combined: str) -> None:
    run(host, "other", git=combined).succeeded()
    assert {"services/web/app.py", "services/web/book/app.py"} <= files(host, "other")
    host.check_output("rm -r /var/www/other")
    run(host, "other", git=combined, submodules=False).succeeded()
    assert files(host, "other") == {".gitmodules", "services/web/app.py"}


@pytest.mark.usefixtures("_on_debian13")
def test_a_directory_of_a_repository_is_the_app_and_the_rest_does_not_come(host: Host, combined: str) -> None:
    run(host, "other", git=combined, subdirectory="services/web", submodules=False).succeeded()
    assert files(host, "other") == {"app.py"}
    refused = run(host, "other", git=combined, subdirectory="services/shop")
    assert refused.status != 0
    assert "the source has no directory 'services/shop'" in refused.output
    assert files(host, "other") == {"app.py"}


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Return an archive with a single directory at its top, as those of a version have."""
    path = tmp_path / "shop-1.0.tar.xz"
    with tarfile.open(path, "w:xz") as tar:
        tar.add(SMALLEST, "shop-1.0")
    return path


@pytest.mark.usefixtures("_on_debian13")
def test_an_archive_of_this_machine_travels_once(host: Host, archive: Path) -> None:
    first = run(host, "other", archive=str(archive), options=("-vvv",)).succeeded()
    assert (first.changed, "other.packed" in first.output) == (1, True)
    assert files(host, "other") >= {"application.py", "wsgi.py"}
    again = run(host, "other", archive=str(archive), options=("-vvv",)).succeeded()
    assert (again.changed, "other.packed" in again.output) == (0, False)


@pytest.mark.usefixtures("_on_debian13")
def test_an_archive_is_fetched_by_the_host_once_and_is_the_one_that_was_described(host: Host, remote: Host, archive: Path) -> None:
    summed = subprocess.run(["sha256sum", str(archive)], capture_output=True, text=True, check=True).stdout.split()[0]
    encoded = subprocess.run(["base64", "--wrap=0", str(archive)], capture_output=True, text=True, check=True).stdout
    remote.check_output("mkdir -p /srv/web && echo %s | base64 --decode > /srv/web/shop.tar.xz", encoded)
    remote.check_output("systemd-run --unit=web --collect python3 -m http.server --directory /srv/web 8000")
    url = "http://remote:8000/shop.tar.xz"
    try:
        refused = run(host, "other", archive=url, checksum=f"sha256:{'0' * 64}")
        assert refused.status != 0
        assert f"its checksum is sha256:{summed}" in " ".join(refused.output.split())
        assert host.check_output("ls -A /var/www/other/builds") == ""
        run(host, "other", archive=url, checksum=f"sha256:{summed}").succeeded()
    finally:
        remote.check_output("systemctl stop web")
    assert files(host, "other") >= {"application.py", "wsgi.py"}
    assert run(host, "other", archive=url, checksum=f"sha256:{summed}").succeeded().changed == 0


@pytest.mark.usefixtures("_on_debian13")
def test_an_archive_that_would_write_elsewhere_is_refused_and_nothing_of_it_is_left(host: Host, tmp_path: Path) -> None:
    hostile = tmp_path / "hostile.tar"
    with tarfile.open(hostile, "w") as tar:
        tar.add(SMALLEST / "wsgi.py", "wsgi.py")
        tar.add(SMALLEST / "wsgi.py", "../../../../tmp/evil.py")
    refused = run(host, "other", archive=str(hostile))
    assert refused.status != 0
    assert "would be written outside the build" in refused.output
    assert host.check_output("ls -A /var/www/other/builds") == ""
    assert not host.file("/tmp/evil.py").exists  # noqa: S108 - it is not there


SERVER = """\
import base64, http.server, ssl, sys
EXPECTED = "Basic " + base64.b64encode(b"ann:s3cret-word").decode()

class Handler(http.server.SimpleHTTPRequestHandler):
    def __init__(self, *arguments):
        super().__init__(*arguments, directory="/srv/git")

    def do_GET(self):
        if self.headers.get("Authorization") == EXPECTED:
            super().do_GET()
        else:
            self.send_response(401)
            self.send_header("WWW-Authenticate", "Basic realm=git")
            self.end_headers()

server = http.server.ThreadingHTTPServer(("", 8443), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("/root/server.pem")
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
"""
"""Serves repositories as plain files, which git reads too, to those who know the password."""


@pytest.fixture(scope="module")
def authority(host: Host, remote: Host) -> Iterator[str]:
    """Serve the repositories by https with a certificate of nobody's, and return the path of it on the host."""
    subject = "-subj /CN=remote -addext subjectAltName=DNS:remote"
    remote.check_output(f"openssl req -x509 -newkey rsa:2048 -nodes -keyout /root/key.pem -out /root/cert.pem -days 2 {subject}")
    remote.check_output("cat /root/key.pem /root/cert.pem > /root/server.pem")
    remote.check_output("git -C /srv/git/guestbook update-server-info")
    remote.check_output("systemd-run --unit=https --collect python3 -c %s", SERVER)
    host.check_output("printf %%s %s > /usr/share/authority.pem", remote.check_output("cat /root/cert.pem") + "\n")
    yield "/usr/share/authority.pem"
    remote.check_output("systemctl stop https")


def test_a_private_repository_is_read_by_https_with_a_password_and_a_company_s_certificates(host: Host, authority: str) -> None:
    app = {"name": "other", "git": "https://ann:s3cret-word@remote:8443/guestbook/.git", "version": "main"}

    def deploy(**variables: str) -> Play:
        return run_role(host, "app_source", {"app_source_apps": [app], "app_source_environment": variables}, options=("-vvv",))

    unknown = deploy()
    assert unknown.status != 0
    assert "certificate" in unknown.output
    assert not host.file("/var/www/other/builds").exists
    good = deploy(GIT_SSL_CAINFO=authority).succeeded()
    assert "app.py" in files(host, "other")
    assert "s3cret-word" not in good.output + unknown.output
    assert host.run("journalctl --no-pager | grep -F s3cret-word | grep -v sudo").stdout == ""
    assert host.run("grep -rlF s3cret-word /var/cache/webstack-flask /var/www /root /tmp /var/tmp").stdout == ""
