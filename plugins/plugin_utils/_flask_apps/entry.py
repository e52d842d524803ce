# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An entry of `flask_apps` as it is read: which keys fit their spec, which are missing or wrong, and what stands for what is short."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any, NoReturn

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.webstack.flask.plugins.module_utils._source.procfile import PROCFILE
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.app import NO_PROCFILE, App, is_absent
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.spec import PROCESS_SPEC, SCHEDULE_SPEC, SPEC
from ansible_collections.webstack.flask.plugins.plugin_utils._suggestions import describe_unknown_key, show

_ABSENT = ("name", "state", "remove_data")
"""The keys that count for an app that is to be absent. The others may stay, in case it comes back."""

_NAMED = {"processes": PROCESS_SPEC, "schedules": SCHEDULE_SPEC}
"""Keys whose values are mappings with names that users choose, and the keys of what has such a name."""

_AS_TYPED = {**dict.fromkeys(("command", "ready"), ", as one types it into a shell"), "at": ", such as `*-*-* 04:00` or `hourly`"}

_MUST_BE = {
    "bool": "true or false",
    "dict": "a mapping, such as `{MemoryMax: 256M}`",
    "float": "a number of seconds, such as 30",
    "int": "a whole number, such as 2",
    "str": "text",
}

Problems = Iterable[str]
"""Sentences, each of which says which key, what is wrong with it, and what to write."""


class Unreadable(Exception):
    """A key was read that is missing or wrong, so that nothing can be said of what depends on it."""


class Entry(dict[str, Any]):
    """An entry with its defaults, without the keys that are missing or wrong."""

    def __missing__(self, key: str) -> NoReturn:
        """Raise Unreadable: the key has no default, or what is given for it is wrong."""
        raise Unreadable(key)


def read_entry(app: App) -> tuple[Entry, list[str]]:
    """Return what can be read of an entry, and what is wrong with the rest."""
    entry, problems = Entry(), list(_find_misread_numbers(app))
    for key in _ABSENT if is_absent(app) else SPEC:
        part, spec = {key: app[key]} if key in app else {}, {key: SPEC[key]}
        if any(find_unknown_keys(part, spec, "")):
            continue
        if key == "schedules" and not isinstance(part.get(key, {}), Mapping):
            problems.append(_describe_wrong_schedules(part[key]))
            continue
        if key == "notify" and (wrong := list(_find_wrong_targets(part.get(key, [])))):
            problems += wrong
            continue
        value, found = _validate(spec, part)
        problems += found
        if not found:
            entry.update(value)
    for key, spec in _NAMED.items():
        if key == "processes" and key in entry and not isinstance(entry[key], Mapping):
            if entry[key] not in (PROCFILE, NO_PROCFILE):
                problems.append(_describe_wrong_processes(entry.pop(key)))
        elif entry.get(key):
            problems += _read_named(entry, key, spec)
    return entry, problems


def _validate(spec: Mapping[str, Any], given: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return what is given with the defaults of a spec, and what is wrong with it."""
    try:
        validation = ArgumentSpecValidator(spec).validate(given)
    except (OverflowError, ValueError) as error:  # an infinite number where a whole one is wanted
        return {}, [f"{', '.join(map(str, given))}: {error}; give a number that a computer can count to"]
    return validation.validated_parameters, list(validation.error_messages)


def _describe_wrong_schedules(value: object) -> str:
    return (
        f"schedules is of type {type(value).__name__}; allowed is a mapping of names to what runs, such as "
        "`{digest: {command: flask send-digest, at: '*-*-* 04:00'}}`"
    )


def _find_wrong_targets(value: object) -> Problems:
    """Find what is no list of who is told. None of it is shown: URLs are secrets."""
    if not isinstance(value, list) or not all(isinstance(target, Mapping) for target in value):
        yield 'notify must be a list of who is told, each with an `url`, such as `[{url: "{{ vault_chat_url }}"}]`; it is something else'
        return
    for number, target in enumerate(value):
        if "url" not in target:
            yield f'notify[{number}].url is missing; it says where the message goes, as in `url: "{{{{ vault_chat_url }}}}"`'


def _describe_wrong_processes(value: object) -> str:
    shown = show(value) if isinstance(value, str) else f"of type {type(value).__name__}"
    return (
        f"processes is {shown}; allowed are a mapping of names to commands, such as `{{mail: celery -A shop worker}}`, {PROCFILE!r}, which "
        f"takes them from the source, and {NO_PROCFILE!r}, which says that a {PROCFILE} of the source is meant for elsewhere"
    )


def _read_named(entry: Entry, key: str, spec: Mapping[str, Any]) -> list[str]:
    """Fill in the defaults of what users name themselves, such as processes; return what is wrong. What is not readable is left out."""
    problems, read = [], {}
    for name, one in entry[key].items():
        where = f"{key}.{name}"
        if not isinstance(one, Mapping):
            short = ", or the command itself" if key == "processes" else ""
            problems.append(f"{where} must be a mapping with a `command`{short}; it is of type {type(one).__name__}")
            continue
        found = list(find_unknown_keys(one, spec, where))
        found += [f"{where}.{inner} is {show(one[inner])}; {what}" for inner, what in _find_misfits(one, spec)]
        value: dict[str, Any] = {}
        if not found:
            value, messages = _validate(spec, one)
            found = [f"{where}: {message}" for message in messages]
        problems += found
        if not found:
            read[name] = value
    entry[key] = read
    return problems


def _find_misfits(one: Mapping[str, Any], spec: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    """Yield each key whose value is not of its kind, with what it must be."""
    for key in one:
        if key not in spec:
            continue
        kind, choices = spec[key].get("type", "str"), spec[key].get("choices")
        if choices:
            if one[key] not in choices:
                yield key, f"allowed is {' or '.join(f'`{choice}`' for choice in choices)}"
        elif not _fits(one[key], kind, {key: {**spec[key], "required": False}}):
            yield key, f"it must be {_MUST_BE[kind]}{_AS_TYPED.get(key, '')}"


def _fits(value: object, kind: str, spec: Mapping[str, Any]) -> bool:
    """Return whether a value is one of a kind. YAML's `yes` is no number, although it could be counted as 1."""
    if kind == "str":
        return isinstance(value, str)
    return (
        value is not None
        and not (kind in ("int", "float") and isinstance(value, bool))
        and not _validate(spec, dict.fromkeys(spec, value))[1]
    )


def find_readable(find: Callable[[App], Problems], entry: Entry) -> Problems:
    """Find what can be found out of the keys of an entry that are there, and right."""
    with suppress(Unreadable):
        yield from find(entry)


def spell_out(app: object) -> object:
    """Return an entry in which what is short, such as a word for `tls` or a command for a process, is the mapping it stands for."""
    if not isinstance(app, Mapping):
        return app
    tls, processes, database, redis = (app.get(key) for key in ("tls", "processes", "database", "redis"))
    spelt: dict[str, Any] = {}
    if tls is False or (isinstance(tls, str) and re.fullmatch(r"\w+", tls)):
        spelt["tls"] = {"mode": tls or "off"}  # YAML reads `off` as false
    if isinstance(processes, Mapping):
        spelt["processes"] = {name: {"command": one} if isinstance(one, str) else one for name, one in processes.items()}
    if isinstance(database, str):
        spelt["database"] = {"engine": database}
    if isinstance(redis, bool):
        spelt["redis"] = {} if redis else None
    if isinstance(app.get("notify"), list):
        spelt["notify"] = [_spell_out_target(target) for target in app["notify"]]
    return {**app, **spelt} if spelt else app


def _spell_out_target(target: object) -> object:
    """Return who is told, with `on` as it was written: YAML takes the bare word for true."""
    return {"on" if key is True else key: value for key, value in target.items()} if isinstance(target, Mapping) else target


def _find_misread_numbers(app: App) -> Problems:
    source = app.get("source")
    version = source.get("version") if isinstance(source, Mapping) else None
    if isinstance(version, (int, float)):
        yield f"source.version is {version!r}, a number; put it in quotes, because YAML takes 1.10 for 1.1"


def find_unknown_keys(value: Mapping[str, Any], spec: Mapping[str, Any], where: str) -> Problems:
    """Find the keys that a spec does not have, at whatever depth."""
    for key, inner in value.items():
        if key not in spec:
            yield f"{where}: {describe_unknown_key(key, spec)}"
            continue
        options = spec[key].get("options")
        entries = inner if isinstance(inner, list) else [inner]
        for entry in entries if options else ():
            if isinstance(entry, Mapping):
                yield from find_unknown_keys(entry, options, f"{where}.{key}")
