# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which sites have a server name in common, and whether they can: each below a path of its own, alike in what a name has once."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

_SECRET = ("tls.certificate", "tls.key")
"""Settings whose values no message shows: they may be the texts themselves."""


class Claim(NamedTuple):
    """What one site wants of its names."""

    owner: str
    names: Collection[str]
    """Lower-case names."""
    ports: Collection[str]
    path: str
    """Without `/` at the end."""
    settings: Mapping[str, Any]
    """What was said of the names, by key. A key that is not there leaves the setting to the other sites."""
    addresses: Mapping[str, str]
    """What it has below its path, by key: whole paths."""


def group(claims: Sequence[Claim]) -> list[list[int]]:
    """Return the numbers of the claims, those together that have a name on a port in common, with each other or by way of others."""
    groups: list[tuple[set[tuple[str, str]], list[int]]] = []
    for number, claim in enumerate(claims):
        places = {(name, port) for name in claim.names for port in claim.ports}
        members = [number]
        apart = []
        for found, numbers in groups:
            if places.isdisjoint(found):
                apart.append((found, numbers))
            else:
                places, members = places | found, numbers + members
        groups = [*apart, (places, sorted(members))]
    return sorted(numbers for _places, numbers in groups)


def find_sharing_problems(claims: Sequence[Claim]) -> Iterator[str]:
    """Yield a sentence for each thing that sites say of a name in two ways, or want to have twice."""
    for numbers in group(claims):
        members = [claims[number] for number in numbers]
        taken = list(_find_taken_paths(members))
        yield from taken or _find_contradictions(members)
        yield from _find_shadowed(members)


def _find_taken_paths(claims: Sequence[Claim]) -> Iterator[str]:
    owners: dict[tuple[str, str, str], list[str]] = {}
    for claim in claims:
        for name in dict.fromkeys(claim.names):
            for port in sorted(claim.ports):
                owners.setdefault((name, port, claim.path), []).append(claim.owner)
    for (name, port, path), found in owners.items():
        if len(found) > 1:
            yield (
                f"the server name {name!r} on port {port} is claimed by {_join(found)}, at the path {path or '/'!r} each; give them paths "
                "of their own, such as `path: /blog`, or the name to one"
            )


def _find_contradictions(members: Sequence[Claim]) -> Iterator[str]:
    for key in dict.fromkeys(key for claim in members for key in claim.settings):
        said = [(claim.owner, claim.settings[key]) for claim in members if key in claim.settings]
        if any(value != said[0][1] for _owner, value in said):
            values = ", ".join(f"{_show(value)} for {owner}" for owner, value in said)
            differ = f"{key} is not the same for {_join([owner for owner, _value in said])}" if key in _SECRET else f"{key} is {values}"
            yield (
                f"{differ}, which have {_name_shared(members)} in common, and a server name has one; "
                "write it in one of them, or the same in all"
            )


def _name_shared(members: Sequence[Claim]) -> str:
    names = [name for claim in members for name in dict.fromkeys(claim.names)]
    shared = [name for name in dict.fromkeys(names) if names.count(name) > 1]
    return f"the server name{'s' if len(shared) > 1 else ''} {_join(list(map(repr, shared)))}"


def _find_shadowed(members: Sequence[Claim]) -> Iterator[str]:
    """Find what a site says of addresses that another one with a longer path has."""
    for claim in members:
        for other in members:
            if other.path.startswith(f"{claim.path}/") and not set(claim.names).isdisjoint(other.names):
                for key, address in claim.addresses.items():
                    if f"{address.partition('?')[0]}/".startswith(f"{other.path}/"):
                        yield (
                            f"{key} of {claim.owner} is {address!r}, and what is below {other.path!r} reaches {other.owner}, which has "
                            "that path of the same server name; name another address"
                        )


def _show(value: object) -> str:
    return "[" + ", ".join(map(str, value)) + "]" if isinstance(value, (list, tuple)) else str(value)


def _join(words: Iterable[str]) -> str:
    return " and ".join(words)
