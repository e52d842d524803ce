# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may open which database: the text of a pg_hba.conf, in which the server goes by the first line that fits."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

from ansible_collections.webstack.flask.plugins.module_utils._databases.beside import is_beside
from ansible_collections.webstack.flask.plugins.module_utils._host.blocks import format_block, parse_blocks
from ansible_collections.webstack.flask.plugins.module_utils._host.files import read_text
from ansible_collections.webstack.flask.plugins.module_utils._layout import NAME_PATTERN

CLUSTER_ROOT = Path("/etc/postgresql")
"""Below it is the configuration of each cluster, by version and name: pg_createcluster(1)."""

_LABEL = "webstack.flask: "


_FIRST_RULE = re.compile(r'local (?P<databases>"[^ ]+") "[^ ]+" peer\n')
"""The first line of a block. It tells the databases of the app: its own, and those beside."""


def with_rules(
    text: str, names: Iterable[str], opened: Collection[str] = (), closed: Collection[str] = (), gone: Collection[str] = ()
) -> str:
    """Return the text with a block of rules at its top for each app of `names`, and for each that has one already.

    Databases beside an app's own have the same rules: those that the block has, and those that are `opened`, without those that are
    `closed`. An app that is `gone` has no block.
    What others have written stays below them, as it is: behind it, a line such as `local all all trust` would come first.
    """
    present, others = _take_apart(text)
    blocks = []
    for name in sorted({*present, *names} - {*gone}):
        beside = [each for each in (*present.get(name, ()), *opened) if is_beside(each, name) and each not in closed]
        blocks += format_block(f"{_LABEL}{name}", _list_rules(name, sorted(set(beside))))
    return "".join([*blocks, *others])


def our_part(text: str) -> str:
    """Return the blocks of ours in a text. What others have written may hold passwords."""
    return "".join(line for name, lines in parse_blocks(text) if name for line in format_block(name, [each.rstrip("\n") for each in lines]))


def list_apps(text: str) -> list[str]:
    """Return the apps for which there are rules."""
    return [*_take_apart(text)[0]]


def has_database(name: str) -> bool:
    """Return whether there are rules for an app in a cluster of the host, as there are where it has, or had, a database."""
    return any(name in list_apps(read_text(path) or "") for path in CLUSTER_ROOT.glob("*/*/pg_hba.conf") if path.is_file())


def _take_apart(text: str) -> tuple[Mapping[str, Sequence[str]], list[str]]:
    """Return the databases beside of each app that has a block, by the apps' names, and all lines that are in no block."""
    apps: dict[str, list[str]] = {}
    others = []
    for mark, lines in parse_blocks(text):
        name = mark[len(_LABEL) :] if mark and mark.startswith(_LABEL) else None
        if name is not None and NAME_PATTERN.fullmatch(name):
            first = _FIRST_RULE.fullmatch(lines[0]) if lines else None
            apps.setdefault(name, []).extend(each.strip('"') for each in (first["databases"].split(",") if first else ()))
        else:
            others += lines if mark is None else format_block(mark, [line.rstrip("\n") for line in lines])
    return apps, others


def _list_rules(name: str, beside: Sequence[str]) -> list[str]:
    """Return the rules of an app: the server asks the kernel who connects, and lets its user in, and root's way to look after it.

    In quotes a name is nothing but a name, be it `all`. Nobody else opens its databases, and the app no other one.
    """
    databases = ",".join(f'"{each}"' for each in (name, *beside))
    return [
        f'local {databases} "{name}" peer',
        f"local {databases} postgres peer",
        f"local {databases} all reject",
        f"host {databases} all all reject",
        f'local all "{name}" reject',
        f'host all "{name}" all reject',
    ]
