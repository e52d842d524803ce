# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a user may say of a site: checked to the leaves."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._nginx.config import PROXY_PROTOCOL, list_words, split_directives
from ansible_collections.webstack.flask.plugins.plugin_utils._nginx.options import (
    INTERNAL_DEFAULTS,
    MAINTENANCE_DEFAULTS,
    SITE_DEFAULTS,
    STATIC_DEFAULTS,
    TLS_DEFAULTS,
    claim,
    given,
    is_present,
    prefix_of,
)
from ansible_collections.webstack.flask.plugins.plugin_utils._nginx.rules import (
    DIRECTORY,
    EXPIRES,
    FILE,
    LOOPBACK,
    NAME,
    RULES,
    SECONDS,
    SERVER_NAME,
    STATE,
    STREAM_PATH,
    TLS_RULES,
    URL,
    Rule,
)
from ansible_collections.webstack.flask.plugins.plugin_utils._nginx.sharing import find_sharing_problems, group
from ansible_collections.webstack.flask.plugins.plugin_utils._suggestions import find_closest, show

_NOT_INTERNAL = ("tls", "path", "trusted_proxies", "trusted_header", "limit_requests", "limit_connections")
"""Options that make no sense for a site that programs of the host alone ask, all from one address."""

_ANYBODY_TRUSTED = "so that any visitor could say who he is; name the networks of the proxies alone"

_NOT_INHERITED = ("rewrite", "return", "set", "if", "break", "try_files", "proxy_pass")


def find_site_problems(sites: object, variable: str = "nginx_site_sites") -> list[str]:
    """Return a sentence for each thing in `sites` that is not allowed; none when all is well."""
    if not isinstance(sites, list):
        return [_refuse(variable, sites, "a list of sites")]
    readable = [given(site) for site in sites if isinstance(site, dict)]
    names = _find_names_of_groups([site for site in readable if is_present(site)])
    problems = [
        problem
        for index, site in enumerate(sites)
        for problem in _check_site(f"{variable}[{index}]", site, names.get(str(site.get("name")), ()) if isinstance(site, dict) else ())
    ]
    return [*problems, *_check_together(variable, readable)]


def _find_names_of_groups(sites: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Return by the name of each site the server names that it has, and those that have one in common with it."""
    claims = [claim(site) for site in sites]
    return {
        claims[number].owner: [name for member in numbers for name in claims[member].names]
        for numbers in group(claims)
        for number in numbers
    }


def _check_site(where: str, site: object, names: Collection[str]) -> Iterator[str]:
    if not isinstance(site, dict):
        yield _refuse(where, site, "a dictionary with at least `name`")
        return
    yield from _check_keys(where, site, ["name", *SITE_DEFAULTS])
    site = given(site)
    yield from _check_value(f"{where}.name", site.get("name"), NAME)
    state = site.get("state", SITE_DEFAULTS["state"])
    if state != "present":
        yield from _check_value(f"{where}.state", state, STATE)
        return
    for option in ("server_names", "upstream"):
        if site.get(option) in (None, [], ""):
            yield f"{where}.{option} is missing; a site that is present needs it"
            site.pop(option, None)
    if site.get("static") and not site.get("root"):
        yield f"{where}.root is missing; `static` needs the directory below which its `paths` are"
    if site.get("maintenance") and not site.get("root"):
        yield f"{where}.root is missing; `maintenance` needs the directory below which its `file` is"
    for option, rule in RULES.items():
        if option in site:
            yield from _check_value(f"{where}.{option}", site[option], rule)
    yield from _check_server_names(f"{where}.server_names", site.get("server_names", []))
    yield from _check_tls(f"{where}.tls", site, names)
    yield from _check_internal(where, site)
    yield from _check_each(f"{where}.stream_paths", site.get("stream_paths", []), STREAM_PATH, "a list of addresses such as /events/")
    yield from _check_networks(f"{where}.trusted_proxies", site.get("trusted_proxies", []), _ANYBODY_TRUSTED)
    yield from _check_trusted_header(where, site)
    yield from _check_static(f"{where}.static", site.get("static", []))
    yield from _check_maintenance(f"{where}.maintenance", site)


def _check_server_names(where: str, names: object) -> Iterator[str]:
    if not isinstance(names, list):
        yield _refuse(where, names, "a list of host names")
        return
    for index, name in enumerate(names):
        for problem in _check_value(f"{where}[{index}]", name, SERVER_NAME):
            yield problem + _suggest_ascii(name)


def _check_tls(where: str, site: Mapping[str, Any], names: Collection[str]) -> Iterator[str]:
    tls = site.get("tls")
    if tls in (None, {}):
        return
    if not isinstance(tls, dict):
        yield _refuse(where, tls, "a dictionary with `certificate` and `key`")
        return
    yield from _check_keys(where, tls, ["server_names", *TLS_RULES])
    yield from _check_encrypted_names(f"{where}.server_names", tls.get("server_names"), names)
    tls = {**TLS_DEFAULTS, **given(tls)}
    for option, rule in TLS_RULES.items():
        # Somebody may take the key itself for what is wanted.
        value = "(not shown)" if "PRIVATE KEY" in str(tls.get(option)) else tls.get(option)
        yield from _check_value(f"{where}.{option}", value, rule)
    if str(tls["port"]) == str(site.get("listen_port", SITE_DEFAULTS["listen_port"])):
        yield f"{where}.port is {show(tls['port'])}, as is `listen_port`; give one of them another port"


def _check_internal(where: str, site: Mapping[str, Any]) -> Iterator[str]:
    internal = site.get("internal")
    if internal is None:
        return
    if not isinstance(internal, dict):
        yield _refuse(f"{where}.internal", internal, "a dictionary with `address` and `callers`")
        return
    yield from _check_keys(f"{where}.internal", internal, ["address", *INTERNAL_DEFAULTS])
    yield from _check_value(f"{where}.internal.address", internal.get("address"), LOOPBACK)
    callers = internal.get("callers", [])
    if not isinstance(callers, list):
        yield _refuse(f"{where}.internal.callers", callers, "a list of names")
        callers = []
    for index, caller in enumerate(callers):
        yield from _check_value(f"{where}.internal.callers[{index}]", caller, NAME)
    for option in _NOT_INTERNAL:
        if site.get(option, SITE_DEFAULTS[option]) not in (SITE_DEFAULTS[option], {}):
            yield f"{where}.{option} is {show(site[option])}, which is for a public site, and `internal` makes it none; take one out"
    extra = site.get("extra")
    for word in sorted({word for word in list_words(extra if isinstance(extra, str) else "") if word.startswith("auth_basic")}):
        yield f"{where}.extra has `{word}`, and callers of an `internal` site say their word in place of a password; take it out"


def _check_maintenance(where: str, site: Mapping[str, Any]) -> Iterator[str]:
    maintenance = site.get("maintenance")
    if maintenance is None:
        return
    if not isinstance(maintenance, dict):
        yield _refuse(where, maintenance, "a dictionary with at least `file`")
        return
    yield from _check_keys(where, maintenance, ["file", *MAINTENANCE_DEFAULTS])
    told = {**MAINTENANCE_DEFAULTS, **given(maintenance)}
    yield from _check_value(f"{where}.file", told.get("file"), FILE)
    yield from _check_value(f"{where}.retry_after", told["retry_after"], SECONDS)
    yield from _check_each(f"{where}.pages", told["pages"], FILE, "a list of files below `root`")
    yield from _check_each(f"{where}.paths", told["paths"], STREAM_PATH, "a list of addresses such as /webhooks/")
    yield from _check_networks(f"{where}.allow", told["allow"], "so that it would never be closed; leave the app open instead")
    if told["allow"] and site.get("internal"):
        yield f"{where}.allow is {show(told['allow'])}, which is for a public site, and `internal` makes it none; take one out"


def _check_each(where: str, values: object, rule: Rule, allowed: str) -> Iterator[str]:
    if not isinstance(values, list):
        yield _refuse(where, values, allowed)
        return
    for index, value in enumerate(values):
        yield from _check_value(f"{where}[{index}]", value, rule)


def _check_encrypted_names(where: str, names: object, known: Collection[str]) -> Iterator[str]:
    if names is None:
        return
    if not isinstance(names, list):
        yield _refuse(where, names, "a list of names of the site")
        return
    for index, name in enumerate(names):
        if str(name).lower() not in known:
            yield _refuse(f"{where}[{index}]", name, "a name that the site has")


def _check_networks(where: str, networks: object, nobody: str) -> Iterator[str]:
    """Refuse what is no list of networks, or holds one that everybody is in; `nobody` says what that would mean."""
    if not isinstance(networks, list):
        yield _refuse(where, networks, "a list of addresses and networks such as 192.0.2.7 and 10.0.0.0/8")
        return
    for index, network in enumerate(networks):
        try:
            size = ipaddress.ip_network(network if isinstance(network, str) else "").prefixlen
        except ValueError as error:
            reason = "; its host bits are set" if "host bits" in str(error) else ""
            yield _refuse(f"{where}[{index}]", network, "an address or a network such as 192.0.2.7, 10.0.0.0/8 or 2001:db8::/32") + reason
            continue
        if size == 0:
            yield f"{where}[{index}] is {show(network)}, {nobody}"


def _check_trusted_header(where: str, site: Mapping[str, Any]) -> Iterator[str]:
    """Refuse what says how the visitor is told of, where nobody is believed, or cannot be told in that way."""
    header, tls = site.get("trusted_header", SITE_DEFAULTS["trusted_header"]), site.get("tls")
    if not RULES["trusted_header"].accepts(header):
        return
    if header != SITE_DEFAULTS["trusted_header"] and site.get("trusted_proxies", []) == []:
        yield (
            f"{where}.trusted_header is {show(header)}, and `trusted_proxies` names nobody who is believed; name the addresses or "
            "networks of the balancers, such as `trusted_proxies: [10.0.0.0/8]`"
        )
    if header == PROXY_PROTOCOL and isinstance(tls, dict) and tls.get("http3") is True:
        yield (
            f"{where}.tls.http3 is True, and `trusted_header` is {PROXY_PROTOCOL}, which there is on TCP alone, where HTTP/3 is on UDP; "
            "leave `http3` out"
        )


def _check_static(where: str, mappings: object) -> Iterator[str]:
    if not isinstance(mappings, list):
        yield _refuse(where, mappings, "a list of mappings with `url` and `paths`")
        return
    for index, mapping in enumerate(mappings):
        yield from _check_mapping(f"{where}[{index}]", mapping)
    for url in _repeated([mapping.get("url") for mapping in mappings if isinstance(mapping, dict)]):
        yield f"{where} has the url {show(url)} more than once; give one mapping several `paths` instead"


def _check_mapping(where: str, mapping: object) -> Iterator[str]:
    if not isinstance(mapping, dict):
        yield _refuse(where, mapping, "a dictionary with `url` and `paths`")
        return
    yield from _check_keys(where, mapping, ["url", "paths", *STATIC_DEFAULTS])
    mapping = given(mapping)
    yield from _check_value(f"{where}.url", mapping.get("url"), URL)
    yield from _check_value(f"{where}.expires", mapping.get("expires", STATIC_DEFAULTS["expires"]), EXPIRES)
    paths = mapping.get("paths")
    if not isinstance(paths, list) or not paths:
        yield _refuse(f"{where}.paths", paths, "a list of directories below `root`")
        return
    for index, path in enumerate(paths):
        yield from _check_value(f"{where}.paths[{index}]", path, DIRECTORY)
    uploads = mapping.get("uploads_in", "")
    if uploads != "" and not DIRECTORY.accepts(uploads):
        yield _refuse(f"{where}.uploads_in", uploads, DIRECTORY.allowed)
    elif uploads != "":
        for index, path in enumerate(paths):
            if not f"{path}/".startswith(f"{uploads}/"):
                what = f"{where}.paths[{index}] is {show(path)}, which is not in `uploads_in`"
                yield f"{what}, {show(uploads)}; give it a mapping of its own"


def _check_together(variable: str, sites: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Refuse what only shows when looking at all sites: nginx would serve one of two and ignore the other."""
    for name in _repeated([site.get("name") for site in sites]):
        yield f"{variable} has more than one site named {show(name)}; give each its own name"
    present = [site for site in sites if is_present(site)]
    claims = [claim(site) for site in present]
    for problem in find_sharing_problems(claims):
        yield f"{variable}: {problem}"
    for numbers in group(claims):
        yield from _check_shared_extra(variable, [present[number] for number in numbers])
    spoken = []
    for numbers in group(claims):
        members = [present[number] for number in numbers]
        ports = {port for number in numbers for port in claims[number].ports}
        wants = any(site.get("trusted_header") == PROXY_PROTOCOL for site in members)
        spoken.append((" and ".join(show(site.get("name")) for site in members), ports, wants))
    for problem in find_mixed_ports(spoken):
        yield f"{variable}: {problem}"


def _check_shared_extra(variable: str, sites: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Refuse in `extra` what nginx does not hand on to a location within the one that it stands in."""
    for site in sites if len(sites) > 1 else ():
        extra = site.get("extra")
        for problem in find_lost_directives(str(site.get("name")), extra if isinstance(extra, str) else "", prefix_of(site)):
            yield f"{variable}: {problem}"


def find_lost_directives(name: str, extra: str, prefix: str) -> Iterator[str]:
    """Yield a sentence for each directive in the `extra` of a site with names in common with others that would have no effect there."""
    for word in dict.fromkeys(words[0] for words, _text in split_directives(extra)):
        if word in _NOT_INHERITED:
            yield (
                f"extra of {name} has `{word}`, which would have no effect: where several have a server name in common, `extra` is for "
                f"what is below the path of one. Write it into a location of its own, such as `location {prefix}/old/ {{ ... }}`"
            )


def find_mixed_ports(sites: Iterable[tuple[str, Collection[object], bool]], below: str = "") -> Iterator[str]:
    """Yield a sentence for each port on which some sites want the PROXY protocol and others do not.

    Of each site come its name, its ports, and whether it wants it; `below` is the key below which its options are, if any. nginx has one
    way for all of an address and port: the visitors of the others would get no answer.
    """
    users: dict[str, tuple[list[str], list[str]]] = {}
    for name, ports, wants in sites:
        for port in {str(port) for port in ports}:
            users.setdefault(port, ([], []))[not wants].append(name)
    for port, (those_with, those_without) in sorted(users.items()):
        if those_with and those_without:
            yield (
                f"on port {port} {below}trusted_header is {PROXY_PROTOCOL} for {' and '.join(those_with)} and not for "
                f"{' and '.join(those_without)}, but nginx takes all that comes to a port in one way; give all of them "
                f"`{below}trusted_header: {PROXY_PROTOCOL}`, or those without another port: `{below}listen_port`, and `tls.port` with `tls`"
            )


def _check_keys(where: str, given: Mapping[str, Any], known: Sequence[str]) -> Iterator[str]:
    for key in given:
        if key not in known:
            closest = find_closest(key, known)
            hint = f"did you mean `{closest}`?" if closest else f"there are {', '.join(known)}"
            yield f"{where} has no option {show(key)}; {hint}"


def _check_value(where: str, value: object, rule: Rule) -> Iterator[str]:
    if not rule.accepts(value):
        yield _refuse(where, value, rule.allowed)


def _suggest_ascii(name: object) -> str:
    """Return how an internationalised name is written in ASCII, which is what browsers send."""
    try:
        ascii_name = name.encode("idna").decode() if isinstance(name, str) and not name.isascii() else ""
    except UnicodeError:
        return ""
    return f"; in ASCII this one is {ascii_name}" if SERVER_NAME.accepts(ascii_name) else ""


def _repeated(values: Sequence[object]) -> list[object]:
    return [value for index, value in enumerate(values) if values[:index].count(value) == 1]


def _refuse(where: str, value: object, allowed: str) -> str:
    return f"{where} is {show(value)}; allowed is {allowed}"
