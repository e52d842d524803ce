# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plan the changes below /etc/nginx, ordered so that nginx could start after any of them."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Union

from ansible_collections.webstack.flask.plugins.module_utils._host.files import Access
from ansible_collections.webstack.flask.plugins.module_utils._host.words import THE_HOST, format_callers, hide_words, list_callers
from ansible_collections.webstack.flask.plugins.module_utils._nginx.config import (
    OWNERSHIP_MARK,
    add_catch_all,
    add_hash_size,
    add_variable_hash,
    find_server_names,
    is_ours,
)

ROOT_OWNED = Access(0, 0, 0o644)
_PROOF_INCLUDE = re.compile(r"include /\S*/([a-z0-9_-]+)\[\.\]proof;")
_BESIDE = re.compile(r"(?m)^    # The site ([a-z0-9_-]+)\.$")
"""How the file of several sites names each of them."""

_PROOF_HEAD = f"# By these words, written by {OWNERSHIP_MARK}, a site knows that root asks it. Whoever has them passes its gates.\n"
_PROOF = re.compile(re.escape(_PROOF_HEAD) + r"[0-9a-f]{32} is-known;\n[0-9a-f]{32} may-pass;\n")
_CALLERS_HEAD = f"# By these words, written by {OWNERSHIP_MARK}, an internal service knows who calls. Nobody else is let in.\n"


@dataclass(frozen=True)
class NginxLayout:
    """Where Debian's nginx keeps its configuration, and the owner and mode of our files in it."""

    etc: Path = Path("/etc/nginx")
    access: Access = ROOT_OWNED

    @property
    def main(self) -> Path:
        """The main configuration file."""
        return self.etc / "nginx.conf"

    @property
    def http(self) -> Path:
        """Our file of settings outside of any site."""
        return self.etc / "conf.d" / "webstack-flask.conf"

    @property
    def default_link(self) -> Path:
        """The link that enables Debian's default site."""
        return self.etc / "sites-enabled" / "default"

    @property
    def default_file(self) -> Path:
        """Debian's default site."""
        return self.etc / "sites-available" / "default"

    def file_of(self, name: str) -> Path:
        """Return the configuration file of a site."""
        return self.etc / "sites-available" / f"{name}.conf"

    def proof_of(self, name: str) -> Path:
        """Return the file with the words by which the host shows a site that it proves a release; its configuration includes it."""
        return self.etc / "sites-available" / f"{name}.proof"

    def callers_of(self, name: str) -> Path:
        """Return the file with the words by which an internal service knows its callers; its configuration includes it."""
        return self.etc / "sites-available" / f"{name}.callers"

    def link_of(self, name: str) -> Path:
        """Return the link that enables a site."""
        return self.etc / "sites-enabled" / f"{name}.conf"


@dataclass(frozen=True)
class File:
    """A file: its content, owner and mode."""

    text: str
    access: Access


@dataclass(frozen=True)
class Link:
    """A symbolic link."""

    target: str


Entry = Union[File, Link, None]
"""What is at a path; None is nothing."""


@dataclass(frozen=True)
class Site:
    """A site as it should be: its configuration, or None when it should not exist."""

    name: str
    text: str | None
    callers: tuple[str, ...] | None = None
    """Who may call it, where it is an internal service; None for a site that anybody may."""


@dataclass(frozen=True)
class Callers:
    """How internal services know their callers: the key of the host, and whether those that are let in already stay so."""

    key: str = field(repr=False)
    keep: bool = False


@dataclass(frozen=True)
class Observed:
    """The state of /etc/nginx: the entries at the paths that may change, and the text of every file that nginx reads."""

    entries: Mapping[Path, Entry]
    texts: Mapping[Path, str]
    main: str = ""
    has_pristine_default: bool = False


@dataclass(frozen=True)
class Change:
    """The change of one path."""

    path: Path
    before: Entry
    after: Entry

    @property
    def undo(self) -> Change:
        """The change that takes this one back."""
        return Change(self.path, self.after, self.before)

    @property
    def order(self) -> int:
        """Files first, then the links to them; on the way out the other way round."""
        if self.after is not None:
            return 0 if isinstance(self.after, File) else 1
        return 2 if isinstance(self.before, Link) else 3


@dataclass(frozen=True)
class Plan:
    """The changes in order, and the text of every file that nginx will read, by path, once they are made."""

    changes: Sequence[Change]
    texts: Mapping[Path, str] = field(default_factory=dict)

    def describe_site(self, site: Site, layout: NginxLayout) -> str:
        """Return in one word how a site changes."""
        changes = {change.path: change for change in self.changes}
        touched = [changes[path] for path in (layout.file_of(site.name), layout.link_of(site.name)) if path in changes]
        if not touched:
            return "unchanged"
        if site.text is None:
            return "removed"
        return "created" if any(change.before is None for change in touched) else "updated"


def find_foreign(observed: Observed, sites: Iterable[Site], layout: NginxLayout) -> list[str]:
    """Return a sentence for each file of somebody else that a change would overwrite."""
    problems = []
    files = [path for site in sites for path in (layout.file_of(site.name), layout.proof_of(site.name), layout.callers_of(site.name))]
    for path in [layout.http, *files]:
        entry = observed.entries.get(path)
        if entry is not None and not (isinstance(entry, File) and is_ours(entry.text)):
            problems.append(f"{path} exists already and was not written by this role; move it away, or rename the site")
    for site in sites:
        link, target = layout.link_of(site.name), layout.file_of(site.name)
        entry = observed.entries.get(link)
        if entry is not None and not (isinstance(entry, Link) and os.path.normpath(link.parent / entry.target) == str(target)):
            problems.append(f"{link} exists already and is no link to {target}; move it away, or rename the site")
    return problems


def find_holders(sites: Sequence[Site]) -> dict[str, Site]:
    """Return by the name of each site the one whose file it is in: its own, or that of another one with which it has names in common."""
    held = {name: site for site in sites for name in _BESIDE.findall(site.text or "")}
    return {site.name: held.get(site.name, site) for site in sites}


def find_kept(texts: Mapping[Path, str], kept: Collection[str], sites: Sequence[Site]) -> set[str]:
    """Return the names of the sites that stay as they are: those of `kept`, and those in the same files.

    `texts` are those of the files that nginx reads, by their links. A file of which another one of the `sites` wants a server name is not
    kept: nginx would answer to it from one of the two.
    """
    held: set[str] = set()
    for path, text in sorted(texts.items()):
        names = {path.stem, *_BESIDE.findall(text)}
        if not is_ours(text) or not names & set(kept):
            continue
        wanted = {name for site in sites if site.name not in names for name in find_server_names(site.text or "")}
        if not wanted & set(find_server_names(text)):
            held |= names
    return held


def find_forgotten(observed: Observed, sites: Sequence[Site], layout: NginxLayout) -> list[str]:
    """Return a sentence for each file that serves a site, too, that nobody has named: it would be served no more."""
    named = {site.name for site in sites}
    problems = []
    for site in sites:
        entry = observed.entries.get(layout.file_of(site.name))
        found = _BESIDE.findall(entry.text) if isinstance(entry, File) and is_ours(entry.text) else []
        forgotten = [name for name in dict.fromkeys(found) if name not in named]
        if forgotten:
            problems.append(
                f"{layout.file_of(site.name)} serves {' and '.join(forgotten)}, too, with server names that {site.name} has as well, and "
                "would do so no more. Name all of them, and give those that are to go `state: absent`; an app goes by its entry in "
                "flask_apps, so leave it there until it is gone"
            )
    return problems


def make_plan(
    observed: Observed,
    sites: Sequence[Site],
    *,
    http: str,
    default_site: str,
    unknown_names: str,
    layout: NginxLayout,
    callers: Callers | None = None,
) -> Plan:
    """Return what has to change so that the sites, and Debian's default site, are as they should be.

    `unknown_names` is the body of a server for the names that no site has, or empty when there is to be none.
    """
    wanted: dict[Path, Entry] = {}
    texts = dict(observed.texts)
    # The file of one site may hold others that have names in common with it.
    proven = {name for site in sites for name in _PROOF_INCLUDE.findall(site.text or "")}
    for site in sites:
        file, link = layout.file_of(site.name), layout.link_of(site.name)
        wanted[file] = None if site.text is None else File(site.text, layout.access)
        wanted[link] = None if site.text is None else Link(str(file))
        proof = layout.proof_of(site.name)
        wanted[proof] = _want_proof(observed.entries.get(proof), layout) if site.name in proven else None
        known = layout.callers_of(site.name)
        wanted[known] = _want_callers(observed.entries.get(known), site, callers, layout) if callers and site.text is not None else None
        texts.pop(link, None)
        if site.text is not None:
            texts[link] = site.text
    default, page = _want_default(observed, default_site, layout), observed.entries.get(layout.default_file)
    wanted[layout.default_link] = default
    if default is None:
        texts.pop(layout.default_link, None)
    elif isinstance(page, File):
        texts.setdefault(layout.default_link, page.text)
    texts.pop(layout.http, None)
    wanted[layout.http] = None
    ours = [text for text in texts.values() if is_ours(text)]
    if ours:
        foreign = [observed.main, *(text for text in texts.values() if not is_ours(text))]
        names = [name for text in texts.values() for name in find_server_names(text)]
        http = add_variable_hash(add_hash_size(http, names, foreign), ours, foreign)
        texts[layout.http] = add_catch_all(http, unknown_names, ours, foreign) if unknown_names else http
        wanted[layout.http] = File(texts[layout.http], layout.access)
    changes = [Change(path, observed.entries.get(path), after) for path, after in wanted.items() if observed.entries.get(path) != after]
    return Plan(sorted(changes, key=lambda change: (change.order, change.path)), texts)


def _want_proof(entry: Entry, layout: NginxLayout) -> File:
    """Return the file with a site's words: the one that is there, or new ones."""
    access = replace(layout.access, mode=0o600)
    if isinstance(entry, File) and _PROOF.fullmatch(entry.text):
        return File(entry.text, access)
    # Of 32 characters each: a longer one would not fit nginx's default bucket.
    words = "".join(f"{secrets.token_hex(16)} {meaning};\n" for meaning in ("is-known", "may-pass"))
    return File(f"{_PROOF_HEAD}{words}", access)


def _want_callers(entry: Entry, site: Site, callers: Callers, layout: NginxLayout) -> Entry:
    """Return the file with the words of a service's callers, of which the host is one; nothing for a site that is no service."""
    if site.callers is None:
        return None
    kept = find_callers(entry) if callers.keep else []
    names = dict.fromkeys([THE_HOST, *sorted({*site.callers, *kept})])
    return File(_CALLERS_HEAD + format_callers(callers.key, site.name, names), replace(layout.access, mode=0o600))


def find_callers(entry: Entry) -> list[str]:
    """Return the callers that a file with words lets in, besides the host itself."""
    return [name for name in list_callers(entry.text) if name != THE_HOST] if isinstance(entry, File) else []


def find_former_callers(observed: Observed, sites: Iterable[Site], layout: NginxLayout) -> dict[str, list[str]]:
    """Return by the name of each service the callers that are let in and that nobody has named."""
    former = {
        site.name: [name for name in find_callers(observed.entries.get(layout.callers_of(site.name))) if name not in site.callers]
        for site in sites
        if site.callers is not None
    }
    return {service: names for service, names in former.items() if names}


def _want_default(observed: Observed, default_site: str, layout: NginxLayout) -> Entry:
    """Return what should be at the default site's link. One that was edited stays as it is."""
    link = observed.entries.get(layout.default_link)
    if default_site == "absent":
        return None if observed.has_pristine_default else link
    return link or (Link(str(layout.default_file)) if observed.entries.get(layout.default_file) else None)


def digest_active(texts: Mapping[Path, str], layout: NginxLayout, certificates: Mapping[str, str]) -> str:
    """Return a digest of our configuration that nginx should have loaded; empty if there is none.

    Its first word is that of the configuration. The second one is of the certificates that the sites name, whose contents
    by path are `certificates`: nginx reads them when it loads its configuration.
    """
    ours = {str(path): text for path, text in sorted(texts.items()) if is_ours(text)}
    parts = ((ours, layout.default_link in texts), sorted(certificates.items()))
    return " ".join(hashlib.sha256(repr(part).encode()).hexdigest() for part in parts) if ours else ""


def diff_changes(changes: Iterable[Change]) -> list[dict[str, Any]]:
    """Return the changes as Ansible's diff mode shows them."""
    return [
        {
            "before_header": str(change.path),
            "after_header": str(change.path),
            "before": _show(change.before, beside=change.after),
            "after": _show(change.after, beside=change.before),
        }
        for change in changes
    ]


def _show(entry: Entry, *, beside: Entry) -> str:
    if entry is None:
        return ""
    if isinstance(entry, Link):
        return f"link to {entry.target}\n"
    if isinstance(beside, File) and beside.text == entry.text:
        return f"owner {entry.access.uid}, group {entry.access.gid}, mode {entry.access.mode:04o}\n"
    return "(words that root alone knows)\n" if entry.text.startswith(_PROOF_HEAD) else hide_words(entry.text)


def list_conflicts(names: Iterable[str], sites: Iterable[Site], texts: Mapping[Path, str]) -> Iterator[str]:
    """Yield a sentence for each server name of a site that nginx would ignore because another file has it."""
    own = {name: site.name for site in sites for name in find_server_names(site.text or "")}
    for name in names:
        if name in own:
            files = " and ".join(str(path) for path, text in sorted(texts.items()) if name in find_server_names(text))
            yield f"the server name {name} of the site {own[name]} is in {files}, and nginx answers to it from one only"
