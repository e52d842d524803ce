# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep the Redis of each app that has one: an instance of its own, which nobody else opens.

It belongs to no release, and goes on through all switches. A run that is cut off anywhere is finished by the next: what needs a restart is
written while the server is down, and the next run starts what it finds down.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError, describe_error
from ansible_collections.webstack.flask.plugins.module_utils._host.accounts import (
    ensure_group,
    ensure_user,
    find_group,
    find_user,
    remove_account,
)
from ansible_collections.webstack.flask.plugins.module_utils._host.files import (
    Access,
    ensure_directory,
    ensure_file,
    read_text,
    require_closed_way,
)
from ansible_collections.webstack.flask.plugins.module_utils._host.lock import hold_lock
from ansible_collections.webstack.flask.plugins.module_utils._host.ownership import require_no_obstacles
from ansible_collections.webstack.flask.plugins.module_utils._host.trees import remove_tree
from ansible_collections.webstack.flask.plugins.module_utils._layout import LOCK_ROOT, AppLayout
from ansible_collections.webstack.flask.plugins.module_utils._outcomes import for_each_app
from ansible_collections.webstack.flask.plugins.module_utils._redis import debians
from ansible_collections.webstack.flask.plugins.module_utils._redis.address import CONFIG_ROOT, DATA_ROOT, RedisLayout
from ansible_collections.webstack.flask.plugins.module_utils._redis.config import (
    PROGRAM,
    find_fixed,
    format_config,
    format_unit,
    known_settings,
    list_settings,
)
from ansible_collections.webstack.flask.plugins.module_utils._redis.plan import (
    describe_change,
    leaves_snapshot,
    plan_change,
    require_possible,
    require_room,
)
from ansible_collections.webstack.flask.plugins.module_utils._redis.server import Server
from ansible_collections.webstack.flask.plugins.module_utils._systemd import systemctl

_LOCK = LOCK_ROOT / "redis.lock"
_LOCK_TIMEOUT = 600
_MEMORY = Path("/proc/meminfo")
_THROUGH = 0o711
_LINES = 10
"""Lines of the journal that are shown of a Redis that does not start."""

_FAILED: dict[str, Any] = {"changed": False, "notes": []}


@dataclass
class Kept:
    """What became of the instances, by app; what became of Debian's own; and the differences, for people."""

    outcomes: dict[str, dict[str, Any]]
    changed: bool = False
    debians: str = ""
    differences: list[dict[str, str]] = field(default_factory=list)


def keep_instances(params: Mapping[str, Any], warn: Callable[[str], object], *, check: bool) -> Kept:
    """Bring the instances of all apps to their wanted state. What is wrong with the host is an error of each app."""
    try:
        with nullcontext() if check else hold_lock(_LOCK, _LOCK_TIMEOUT, warn):
            return _keep(params["instances"], check=check)
    except Exception as error:  # noqa: BLE001 - apps without a Redis go on
        return Kept({wanted["name"]: {**_FAILED, "error": describe_error(error)} for wanted in params["instances"]})


def _keep(instances: list[dict[str, Any]], *, check: bool) -> Kept:
    if not Path(PROGRAM).exists() and not check:
        raise UserError("Redis is not installed on this host; site.yml installs it, and so does the role redis")
    units = [RedisLayout.of(wanted["name"]).unit for wanted in instances]
    states = systemctl.show([debians.UNIT, *units])
    found = debians.attend(states[debians.UNIT], check=check)
    memory = read_memory(read_text(_MEMORY) or "")
    differences: list[dict[str, str]] = []

    def attend(wanted: dict[str, Any]) -> dict[str, Any]:
        require_possible(wanted, memory)
        layout = RedisLayout.of(wanted["name"])
        keeper = _Keeper(layout, wanted, states[layout.unit], check=check)
        keeper.keep()
        differences.extend(keeper.differences)
        return {"changed": bool(keeper.notes), "notes": keeper.notes}

    outcomes = for_each_app(instances, attend, {**_FAILED, "changed": True})
    return Kept(outcomes, found == "stopped", found, differences)


def read_memory(meminfo: str) -> int:
    """Return how much memory a host has, in bytes, from proc_meminfo(5)."""
    found = re.search(r"^MemTotal: +([0-9]+) kB$", meminfo, re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


class _Keeper:
    """Brings one instance to its wanted state, and notes what it does."""

    def __init__(self, layout: RedisLayout, wanted: Mapping[str, Any], state: systemctl.UnitState, *, check: bool) -> None:
        self.layout, self.check, self.state = layout, check, state
        self.is_running = state.active in ("active", "reloading")
        self.settings = list_settings(wanted)
        self.password = (read_text(layout.password) or "").strip() or secrets.token_hex(16)
        self.server = Server(layout, self.password)
        self.had = read_text(layout.config)
        self.notes: list[str] = []

    def keep(self) -> None:
        """Bring it there. What only a restart brings into force comes first, with the settings that it had, so that it finds its data."""
        former = read_text(self.layout.unit_file)
        if former is not None and not is_ours(former):
            raise UserError(
                f"{self.layout.unit_file} is there already, and was not written for this app; nothing was changed. Give the app another "
                "name, or move that file away"
            )
        require_no_obstacles(AppLayout.of(self.layout.name))
        is_new = self._ensure_places()
        earlier = known_settings(self.had, self.settings)
        config, unit = self._format(earlier)
        if find_fixed(self.had or "") != find_fixed(config) or find_fixed(former or "") != find_fixed(unit):
            self.notes += ["restarted with a new configuration"] if self.is_running else []
            self._stop()
            self._write_config(config)
            self._write_unit(unit)
        if not self.is_running:
            self.notes += [] if self.notes else ["made" if is_new else "started"]
            self._start()
        self._change_settings(earlier)
        if not self.state.enabled:
            self.notes += [] if "made" in self.notes else ["enabled at boot"]
            if not self.check:
                systemctl.enable(self.layout.unit)

    def _format(self, settings: Mapping[str, str]) -> tuple[str, str]:
        return format_config(self.layout, settings, self.password), format_unit(self.layout, settings)

    def _ensure_places(self) -> bool:
        """Make the account, the directories and the password; return whether there was no account."""
        layout, check = self.layout, self.check
        require_closed_way(DATA_ROOT)
        ensure_group(layout.name, check=check)
        ensure_group(layout.account, check=check)
        is_new = ensure_user(layout.account, group=layout.account, home="/nonexistent", comment=layout.comment, check=check)
        user, group = find_user(layout.account), find_group(layout.account)
        if user is None or group is None:
            return is_new
        changed = ensure_directory(CONFIG_ROOT, Access(0, 0, _THROUGH), check=check)
        changed |= ensure_directory(DATA_ROOT, Access(0, 0, _THROUGH), check=check)
        changed |= ensure_directory(layout.data, Access(user.pw_uid, group, 0o700), check=check)
        changed |= ensure_file(layout.password, f"{self.password}\n", Access(0, 0, 0o600), check=check)
        self.notes += ["its files were given back to it"] if changed and not is_new else []
        if not check:
            ensure_directory(layout.socket.parent.parent, Access(0, 0, 0o755))
        return is_new

    def _change_settings(self, earlier: Mapping[str, str]) -> None:
        """Bring a running instance to its settings without a restart.

        What it has on disk is, at each moment, complete in the files in which its configuration file tells it to look.
        """
        running = self.server.read_settings() if self.is_running else earlier
        config, unit = self._format(self.settings)
        differs = read_text(self.layout.config) != config or read_text(self.layout.unit_file) != unit
        self.notes += describe_change(running, self.settings)
        self.notes += ["its files were written"] if differs and not self.notes else []
        if self.is_running:
            require_room(running, self.settings, self.server.read_memory())
        if self.check:
            return
        change = plan_change(running, self.settings)
        for key, value in change.before.items():
            self.server.set(key, value)
        if change.writes_log:
            self.server.wait_for_log()
        if change.writes_snapshot:
            self.server.write_snapshot()
        if differs:
            # The unit first: while the other file is as it was, a next run does this again.
            self._write_unit(unit)
            systemctl.daemon_reload()  # by which it gets its new limit of memory, too
            self._write_config(config)
        for key, value in change.after.items():
            self.server.set(key, value)
        if leaves_snapshot(self.settings):
            (self.layout.data / "dump.rdb").unlink(missing_ok=True)

    @property
    def differences(self) -> list[dict[str, str]]:
        """What of the configuration file is another one. The administrator's line is nobody's business."""
        texts = (self.had or "", self._format(self.settings)[0])
        before, after = (re.sub(r"^user webstack .*\n", "", text, flags=re.MULTILINE) for text in texts)
        return [{"header": str(self.layout.config), "before": before, "after": after}] if before != after else []

    def _write_config(self, config: str) -> None:
        group = find_group(self.layout.account)
        if not self.check and group is not None:
            ensure_file(self.layout.config, config, Access(0, group, 0o640))

    def _write_unit(self, unit: str) -> None:
        if not self.check:
            ensure_file(self.layout.unit_file, unit, Access(0, 0, 0o644))

    def _stop(self) -> None:
        if self.is_running and not self.check:
            systemctl.stop(self.layout.unit)
        self.is_running = False

    def _start(self) -> None:
        if self.check:
            return
        unit = self.layout.unit
        systemctl.daemon_reload()
        systemctl.forget_failure(unit)
        try:
            systemctl.start_and_wait(unit)
        except UserError as problem:
            said = systemctl.read_journal(unit, _LINES)
            raise UserError(f"the Redis of {self.layout.name} does not come up ({problem}). Its last words:\n{said}") from problem
        self.is_running = True


def is_ours(unit: str) -> bool:
    """Return whether a unit file was written by us."""
    return "webstack.flask" in unit


def retire(name: str, *, check: bool) -> tuple[list[str], Path | None]:
    """Stop the instance of an app that goes, for good; return in words what was removed, and where its data still are.

    The data stay, with the configuration that says in which of its files they are. Nobody else gets the number of their account.
    """
    layout = RedisLayout.of(name)
    removed = find_parts(layout)
    if removed and not check:
        if str(layout.unit_file) in removed:
            systemctl.stop(layout.unit)
            systemctl.disable(layout.unit)
            layout.unit_file.unlink()
            systemctl.daemon_reload()
        if layout.socket.parent.exists():
            remove_tree(layout.socket.parent)
        remove_account(layout.account, layout.comment)
    return removed, layout.data if layout.data.is_dir() else None


def find_parts(layout: RedisLayout) -> list[str]:
    """Return in words what of an instance a removal takes away: what runs, and not its data."""
    text = read_text(layout.unit_file)
    unit = [str(layout.unit_file)] if text is not None and is_ours(text) else []
    user = find_user(layout.account)
    return [*unit, *([f"account {layout.account}"] if user is not None and user.pw_gecos == layout.comment else [])]
