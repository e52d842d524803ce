"""What an upgrade of Debian's packages asks for."""

from __future__ import annotations

import pytest
from ansible_collections.webstack.flask.plugins.plugin_utils._patching import find_worse, list_upgrades, plan_restarts

SIMULATED = """
NOTE: This is only a simulation!
Inst libssl3 [3.0.11-1] (3.0.22-1~deb12u2 Debian-Security:12/oldstable-security [amd64])
Inst linux-image-6.1.0-40-amd64 (6.1.150-1 Debian-Security:12/oldstable-security [amd64])
Conf libssl3 (3.0.22-1~deb12u2 Debian-Security:12/oldstable-security [amd64])
"""


def test_upgrades_are_listed_with_both_versions() -> None:
    assert list_upgrades(SIMULATED) == [
        "libssl3 3.0.11-1 -> 3.0.22-1~deb12u2",
        "linux-image-6.1.0-40-amd64 not installed -> 6.1.150-1",
    ]
    assert list_upgrades("0 upgraded, 0 newly installed") == []


@pytest.mark.parametrize(
    ("unit", "kind"),
    [
        ("shop@0123456789ab.service", "apps"),
        ("shop.celery@0123456789ab.service", "apps"),
        ("shop.celery.2@0123456789ab.service", "apps"),
        ("shop@ba9876543210.service", "stays"),
        ("shop.celery@ba9876543210.service", "stays"),
        ("shop.digest.job@0123456789ab.service", "stays"),
        ("shop.1.run@0123456789ab.service", "stays"),
        ("shop.digest.job.service", "stays"),
        ("shop.backup.service", "stays"),
        ("shop-build.service", "stays"),
        ("shop.redis.service", "services"),
        ("shopping@0123456789ab.service", "services"),
        ("shop-two@0123456789ab.service", "services"),
        ("nginx.service", "nginx"),
        ("postgresql@15-main.service", "services"),
        ("ssh.service", "services"),
        ("systemd-journald.service", "services"),
        ("systemd-logind.service", "stays"),
        ("dbus.service", "stays"),
        ("user@1000.service", "stays"),
        ("unattended-upgrades.service", "stays"),
        ("systemd-manager", "stays"),
    ],
)
def test_each_service_is_started_anew_in_its_own_way_or_not_at_all(unit: str, kind: str) -> None:
    plan = plan_restarts(f"NEEDRESTART-VER: 3.6\nNEEDRESTART-SVC: {unit}\n", [{"app": "shop", "release": "0123456789ab"}])
    wanted = {"apps": [], "nginx": False, "services": [], "stays": [], "kernel": False}
    assert plan == {**wanted, kind: {"apps": ["shop"], "nginx": True}.get(kind, [unit])}


@pytest.mark.parametrize(("status", "waits"), [(0, False), (1, False), (2, True), (3, True)])
def test_another_kernel_waits_for_a_reboot(status: int, waits: bool) -> None:  # noqa: FBT001 - a parameter of the test
    assert plan_restarts(f"NEEDRESTART-KCUR: 6.1.0-39-amd64\nNEEDRESTART-KSTA: {status}\n", [])["kernel"] is waits


WELL = {"app": "shop", "ok": True, "health": "healthy", "troubles": []}
ILL = {"app": "shop", "ok": False, "health": "ill", "troubles": ["it is not healthy"]}
OLD_BACKUP = {"app": "shop", "ok": False, "health": "healthy", "troubles": ["the last backup is too old"]}
WORKER = {"app": "mail", "ok": True, "health": "", "troubles": []}


@pytest.mark.parametrize(
    ("before", "after", "worse"),
    [
        ([WELL], [WELL], []),
        ([WELL], [ILL], ["shop: it is not healthy"]),
        ([ILL], [ILL], []),
        ([ILL], [WELL], []),
        ([OLD_BACKUP], [OLD_BACKUP], []),
        ([OLD_BACKUP], [ILL], ["shop: it is not healthy"]),
        ([WELL], [], ["shop: is gone"]),
        ([WORKER], [{**WORKER, "ok": False, "troubles": ["the process mail does not run"]}], ["mail: the process mail does not run"]),
    ],
)
def test_an_app_is_worse_only_where_it_was_better(
    before: list[dict[str, object]], after: list[dict[str, object]], worse: list[str]
) -> None:
    assert find_worse(before, after) == worse
