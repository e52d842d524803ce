# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes work off the computer that runs Ansible: what every run does again is done once."""

from __future__ import annotations

DOCUMENTATION = r"""
name: quick_runs
type: aggregate
author: webstack.flask contributors (@webstack)
version_added: 0.1.0
short_description: Takes work off the computer that runs Ansible
description:
  - Ansible packs a module with all that it imports, for which it parses each file, in every run. Of what it has packed of this
    collection a copy is kept, and the next run is given it, unless a file of the collection or of Ansible has changed.
    A run with nothing to do takes two thirds of its time.
  - The copies are in C(webstack_flask/modules) in Ansible's own directory, which is C(~/.ansible) if it is not set otherwise.
    They can be removed at any time.
  - It prints nothing, and changes nothing of what is done on hosts.
  - It does nothing where C(module_utils) of the configuration names directories that are there.
requirements:
  - Enable it in C(ansible.cfg) with C(callbacks_enabled = webstack.flask.quick_runs).
"""

import gc
import sys
from collections.abc import Callable
from pathlib import Path

import ansible
from ansible import constants
from ansible.plugins.callback import CallbackBase
from ansible_collections.webstack.flask.plugins.plugin_utils import _packed_modules


class CallbackModule(CallbackBase):  # type: ignore[misc]
    """Never ends a run: without it all is as it was, but slower."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "webstack.flask.quick_runs"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self, *arguments: object, **options: object) -> None:
        """Give the run what is kept, before its first task."""
        super().__init__(*arguments, **options)
        self._run = Path(constants.DEFAULT_LOCAL_TMP, "ansiballz_cache")
        self._kept: Path | None = None
        self._try(self._lend)

    def v2_playbook_on_play_start(self, play: object) -> None:  # noqa: ARG002 - Ansible's own signature
        """Spare the workers, which Ansible forks for each task, to look through what was there before them."""
        gc.freeze()

    def v2_playbook_on_stats(self, stats: object) -> None:  # noqa: ARG002 - Ansible's own signature
        """Keep what the run has packed."""
        if self._kept:
            self._try(_packed_modules.keep, self._run, self._kept)

    def _lend(self) -> None:
        self._kept = _find_set()
        if self._kept:
            _packed_modules.lend(self._kept, self._run)

    def _try(self, act: Callable[..., None], *places: Path) -> None:
        try:
            act(*places)
        except OSError as error:
            self._display.vv(f"quick_runs: {error}")


def _find_set() -> Path | None:
    """Return the directory of what this Ansible has packed of this collection as it is; nothing where other files might go along."""
    if any(Path(place).is_dir() for place in constants.DEFAULT_MODULE_UTILS_PATH or ()):
        return None
    ours, theirs = Path(__file__).resolve().parent.parent, Path(ansible.__file__).resolve().parent
    name = _packed_modules.name_set(
        [ansible.__version__, sys.version],
        [ours / "modules", ours / "module_utils", theirs / "module_utils"],
    )
    return Path(constants.config.get_config_value("ANSIBLE_HOME"), "webstack_flask", "modules", name)
