"""Debian's packages are upgraded, what uses their old files is restarted, and the apps are asked how they are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from scenario_tests import http_get, one_of, run_playbook
from scenario_tests.releases import read_app

if TYPE_CHECKING:
    from testinfra.host import Host

testinfra_hosts = one_of("debian13", "debian12")

PATCH = Path("playbooks/patch.yml")
NAME, FILE, REPOSITORY = "old-library", "/usr/lib/old-library/old.so", "/srv/repository"
MAPPER = (
    f"import mmap, time; f = open('{FILE}', 'rb'); m = mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ | mmap.PROT_EXEC); time.sleep(9999)"
)

BUILD = f"""
set -e
rm -rf /root/package && mkdir -p /root/package/DEBIAN /root/package/usr/lib/old-library {REPOSITORY}
printf 'Package: {NAME}\\nVersion: %s\\nArchitecture: all\\nMaintainer: nobody <nobody@example.com>\\nDescription: a library\\n' VERSION \
  > /root/package/DEBIAN/control
printf '#!/bin/sh\\nPOSTINST\\n' > /root/package/DEBIAN/postinst && chmod 755 /root/package/DEBIAN/postinst
head -c 8192 /dev/urandom > /root/package{FILE}
dpkg-deb --build /root/package {REPOSITORY}/{NAME}_VERSION.deb > /dev/null
cd {REPOSITORY}
for deb in *.deb; do
  dpkg-deb --field $deb; echo "Filename: ./$deb"; echo "Size: $(stat -c %s $deb)"; echo "SHA256: $(sha256sum $deb | cut -d' ' -f1)"; echo
done > Packages
"""


def build(host: Host, version: int, postinst: str = "exit 0") -> None:
    """Put a version of the package into the repository of the host."""
    host.check_output(BUILD.replace("VERSION", str(version)).replace("POSTINST", postinst))


def find_mapper(host: Host) -> str:
    """Return the number of the process that uses a file of the package."""
    number: str = host.check_output("systemctl show --value -p MainPID mapper.service")
    return number


def test_packages_are_upgraded_and_what_used_their_old_files_is_restarted(host: Host) -> None:
    ill = read_app(host, "visitors").current
    host.check_output("DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends needrestart")
    host.check_output("mkdir /root/apt && mv /etc/apt/sources.list* /var/lib/apt/lists /root/apt && mkdir /etc/apt/sources.list.d")
    host.check_output(f"echo 'deb [trusted=yes] file:{REPOSITORY} ./' > /etc/apt/sources.list")
    try:
        build(host, 1)
        host.check_output(f"apt-get update -qq && apt-get install -y -qq {NAME}")
        host.check_output(f'systemd-run --quiet --unit mapper --property Restart=always python3 -c "{MAPPER}"')
        build(host, 2)
        host.check_output(f"systemctl stop visitors@{ill}.socket visitors@{ill}.service; touch /run/reboot-required")
        mapper = find_mapper(host)

        told = run_playbook(host, PATCH, check=True).succeeded()
        assert f"{NAME} 1 -> 2" in told.output
        assert host.check_output(f"dpkg-query -W -f '${{Version}}' {NAME}") == "1"
        assert find_mapper(host) == mapper

        run = run_playbook(host, PATCH, {"flask_reboot": "never"}).succeeded()
        assert run.changed_tasks == ["Upgrade", "Restart services"]
        assert "visitors was not well before, and is not waited for" in run.output
        assert "has to be rebooted: a package asks for it" in run.output
        assert host.check_output(f"dpkg-query -W -f '${{Version}}' {NAME}") == "2"
        assert find_mapper(host) not in {mapper, "0"}
        assert http_get(host, "guestbook.test").status == 200

        build(host, 3, postinst="echo no licence >&2; exit 1")
        failed = run_playbook(host, PATCH, {"flask_reboot": "never"})
        assert failed.status != 0
        assert "apt could not upgrade" in failed.output
        assert "dpkg --configure --pending" in failed.output
        assert "dpkg cannot finish it" in run_playbook(host, PATCH).output

        host.check_output("mount -t tmpfs -o size=10M tmpfs /var/cache/apt")
        assert "has too little room left on /var/cache/apt, and" in " ".join(run_playbook(host, PATCH).output.split())
    finally:
        host.run("umount /var/cache/apt")
        host.check_output("rm -f /run/reboot-required")
        host.run("systemctl stop mapper; systemctl reset-failed mapper")  # it may be gone, or have failed
        host.check_output(f"dpkg --purge --force-all {NAME}; rm -rf {REPOSITORY} /root/package")
        host.check_output(
            "rm -rf /etc/apt/sources.list* /var/lib/apt/lists; mv /root/apt/lists /var/lib/apt; mv /root/apt/* /etc/apt; rmdir /root/apt"
        )
        host.check_output(f"systemctl start visitors@{ill}.socket visitors@{ill}.service")
