# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a user may say of a site: checked to the leaves, then shaped for the template.

Every accepted value consists of characters that mean nothing to nginx, so that none can break out of the file
that it is written to; the one exception is `extra`, which is nginx configuration.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ansible_collections.webstack.flask.plugins.module_utils._nginx.config import PROXY_PROTOCOL, list_words, split_directives
from ansible_collections.webstack.flask.plugins.plugin_utils._nginx.sharing import Claim, find_sharing_problems, group
from ansible_collections.webstack.flask.plugins.plugin_utils._specs import list_defaults, load_options
from ansible_collections.webstack.flask.plugins.plugin_utils._suggestions import find_closest, show

_OPTIONS = load_options("nginx_site")["nginx_site_sites"]["options"]

SITE_DEFAULTS = list_defaults(_OPTIONS)
"""The options of a site beside its name, and what they are unless the user says otherwise."""

TLS_DEFAULTS = list_defaults(_OPTIONS["tls"]["options"])
"""The options of `tls` beside `certificate` and `key`, and what they are unless the user says otherwise."""

STATIC_DEFAULTS = list_defaults(_OPTIONS["static"]["options"])
"""The options of a static mapping beside `url` and `paths`, and what they are unless the user says otherwise."""

INTERNAL_DEFAULTS = list_defaults(_OPTIONS["internal"]["options"])
"""The options of `internal` beside `address`, and what they are unless the user says otherwise."""

_NOT_INTERNAL = ("tls", "path", "trusted_proxies", "trusted_header", "limit_requests", "limit_connections")
"""Options that make no sense for a site that programs of the host alone ask, all from one address."""

_OF_THE_NAME = ("listen_port", "tls", "trusted_proxies", "trusted_header")
"""Options of which sites with a name in common have one."""

_NOT_INHERITED = ("rewrite", "return", "set", "if", "break", "try_files", "proxy_pass")

_SOCKET_PATH_LIMIT = 107  # what sockaddr_un holds, see unix(7)
_HOST_NAME_LIMIT = 253  # RFC 1035
_PATH_LIMIT = 1024

_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST = rf"{_LABEL}(?:\.{_LABEL})*"
_SEGMENT = r"[A-Za-z0-9_@+.-]+"


class _Rule(NamedTuple):
    """What a single value has to be: a test, and the same in words."""

    accepts: Callable[[object], bool]
    allowed: str


def find_site_problems(sites: object, variable: str = "nginx_site_sites") -> list[str]:
    """Return a sentence for each thing in `sites` that is not allowed; none when all is well."""
    if not isinstance(sites, list):
        return [_refuse(variable, sites, "a list of sites")]
    readable = [_given(site) for site in sites if isinstance(site, dict)]
    names = _find_names_of_groups([site for site in readable if _is_present(site)])
    problems = [
        problem
        for index, site in enumerate(sites)
        for problem in _check_site(f"{variable}[{index}]", site, names.get(str(site.get("name")), ()) if isinstance(site, dict) else ())
    ]
    return [*problems, *_check_together(variable, readable)]


def shape_site(site: Mapping[str, Any], *others: Mapping[str, Any]) -> dict[str, Any]:
    """Return a checked site as the template wants it: every option there, names and mappings as nginx wants them.

    With others that have names in common with it, they are one site, named after the one that is at `/`, else the first. What each has
    below its path is in `places`, and what the names have once is what any of them says.
    """
    members = sorted((site, *others), key=lambda member: _prefix_of(member) != "") if others else [site]
    once = {key: value for member in reversed(members) for key, value in _given(member).items() if key in _OF_THE_NAME and value}
    tls = {**TLS_DEFAULTS, **_given(once["tls"])} if once.get("tls") else None
    places = [_shape_place({**SITE_DEFAULTS, **_given(member)}) for member in members]
    lead = {**SITE_DEFAULTS, **_given(members[0]), **once}
    fronts = _list_fronts(lead, tls, places)
    for place in places:
        place["encrypted"] = any(front["encrypted"] and place in front["places"] for front in fronts)
    return {
        **lead,
        **places[0],
        "tls": tls,
        "internal": {**INTERNAL_DEFAULTS, **_given(lead["internal"])} if lead["internal"] else None,
        "fronts": fronts,
        "places": places,
        "guarded": any(place["guarded"] for place in places),
        "trusted_proxies": list(dict.fromkeys(str(ipaddress.ip_network(network)) for network in lead["trusted_proxies"])),
    }


def shape_sites(sites: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the sites that are present as the template wants them, those that have names in common as one."""
    present = [site for site in sites if _is_present(site)]
    return [shape_site(*(present[number] for number in numbers)) for numbers in group([_claim(site) for site in present])]


def _shape_place(site: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a site has below its path."""
    static = [{**STATIC_DEFAULTS, **_given(mapping)} for mapping in site["static"]]
    # nginx takes the first regular expression that matches: the longest address comes first, as users expect.
    static.sort(key=lambda mapping: len(mapping["url"]), reverse=True)
    prefix, extra = _prefix_of(site), site["extra"].strip("\n")
    for mapping in static:
        mapping["pattern"] = _escape(prefix + mapping["url"])
        mapping["expires"] = "off" if mapping["expires"] is False else mapping["expires"]  # YAML's `off`
    return {
        **{key: value for key, value in site.items() if key not in _OF_THE_NAME},
        "id": site["name"].replace("_", "__").replace("-", "_m"),
        "server_names": _tidy_names(site["server_names"]),
        "static": static,
        "has_uploads": any(mapping["uploads_in"] for mapping in static),
        "prefix": prefix,
        "prefix_pattern": _escape(prefix),
        "stream_paths": [prefix + path for path in dict.fromkeys(site["stream_paths"])],
        "guarded": bool(extra or site["limit_requests"] or int(site["limit_connections"])),
        "extra": extra,
        "inherited_extra": "\n".join(text for _words, text in split_directives(extra) if text.endswith(";")),
    }


def _escape(path: str) -> str:
    """Return a path as a regular expression of nginx."""
    return re.sub(r"[.+]", r"\\\g<0>", path)


def _prefix_of(site: Mapping[str, Any]) -> str:
    return str(site.get("path") or "/").rstrip("/")


def _list_fronts(site: Mapping[str, Any], tls: Mapping[str, Any] | None, places: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the servers that pass requests on: for which names, to which places, and whether with encryption, without it, or in both ways.

    Names for which there is no certificate have one of their own, without encryption; so have those that lead to other places.
    """
    covered = _tidy_names(tls["server_names"]) if tls else []
    fronts: dict[tuple[bool, tuple[int, ...]], list[str]] = {}
    for name in dict.fromkeys(name for place in places for name in place["server_names"]):
        is_encrypted = tls is not None and (not covered or name in covered)
        fronts.setdefault((not is_encrypted, tuple(n for n, place in enumerate(places) if name in place["server_names"])), []).append(name)
    return [
        {
            "names": names,
            # Behind a proxy that ends TLS a request without encryption may be a visitor's with it: one server knows both, and redirects.
            "plain": is_plain or not (tls and tls["redirect"]) or bool(site["trusted_proxies"]),
            "encrypted": not is_plain,
            "places": [places[number] for number in numbers],
        }
        for (is_plain, numbers), names in sorted(fronts.items(), key=lambda front: front[0][0])
    ]


def _tidy_names(names: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(name.lower() for name in names))


def _is_present(site: Mapping[str, Any]) -> bool:
    return site.get("state") in (None, "present")


def _find_names_of_groups(sites: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Return by the name of each site the server names that it has, and those that have one in common with it."""
    claims = [_claim(site) for site in sites]
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
    site = _given(site)
    yield from _check_value(f"{where}.name", site.get("name"), _NAME)
    state = site.get("state", SITE_DEFAULTS["state"])
    if state != "present":
        yield from _check_value(f"{where}.state", state, _STATE)
        return
    for option in ("server_names", "upstream"):
        if site.get(option) in (None, [], ""):
            yield f"{where}.{option} is missing; a site that is present needs it"
            site.pop(option, None)
    if site.get("static") and not site.get("root"):
        yield f"{where}.root is missing; `static` needs the directory below which its `paths` are"
    for option, rule in _RULES.items():
        if option in site:
            yield from _check_value(f"{where}.{option}", site[option], rule)
    yield from _check_server_names(f"{where}.server_names", site.get("server_names", []))
    yield from _check_tls(f"{where}.tls", site, names)
    yield from _check_internal(where, site)
    yield from _check_stream_paths(f"{where}.stream_paths", site.get("stream_paths", []))
    yield from _check_trusted_proxies(f"{where}.trusted_proxies", site.get("trusted_proxies", []))
    yield from _check_trusted_header(where, site)
    yield from _check_static(f"{where}.static", site.get("static", []))


def _check_server_names(where: str, names: object) -> Iterator[str]:
    if not isinstance(names, list):
        yield _refuse(where, names, "a list of host names")
        return
    for index, name in enumerate(names):
        for problem in _check_value(f"{where}[{index}]", name, _SERVER_NAME):
            yield problem + _suggest_ascii(name)


def _check_tls(where: str, site: Mapping[str, Any], names: Collection[str]) -> Iterator[str]:
    tls = site.get("tls")
    if tls in (None, {}):
        return
    if not isinstance(tls, dict):
        yield _refuse(where, tls, "a dictionary with `certificate` and `key`")
        return
    yield from _check_keys(where, tls, ["server_names", *_TLS_RULES])
    yield from _check_encrypted_names(f"{where}.server_names", tls.get("server_names"), names)
    tls = {**TLS_DEFAULTS, **_given(tls)}
    for option, rule in _TLS_RULES.items():
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
    yield from _check_value(f"{where}.internal.address", internal.get("address"), _LOOPBACK)
    callers = internal.get("callers", [])
    if not isinstance(callers, list):
        yield _refuse(f"{where}.internal.callers", callers, "a list of names")
        callers = []
    for index, caller in enumerate(callers):
        yield from _check_value(f"{where}.internal.callers[{index}]", caller, _NAME)
    for option in _NOT_INTERNAL:
        if site.get(option, SITE_DEFAULTS[option]) not in (SITE_DEFAULTS[option], {}):
            yield f"{where}.{option} is {show(site[option])}, which is for a public site, and `internal` makes it none; take one out"
    extra = site.get("extra")
    for word in sorted({word for word in list_words(extra if isinstance(extra, str) else "") if word.startswith("auth_basic")}):
        yield f"{where}.extra has `{word}`, and callers of an `internal` site say their word in place of a password; take it out"


def _check_encrypted_names(where: str, names: object, known: Collection[str]) -> Iterator[str]:
    if names is None:
        return
    if not isinstance(names, list):
        yield _refuse(where, names, "a list of names of the site")
        return
    for index, name in enumerate(names):
        if str(name).lower() not in known:
            yield _refuse(f"{where}[{index}]", name, "a name that the site has")


def _check_stream_paths(where: str, paths: object) -> Iterator[str]:
    if not isinstance(paths, list):
        yield _refuse(where, paths, "a list of addresses such as /events/")
        return
    for index, path in enumerate(paths):
        yield from _check_value(f"{where}[{index}]", path, _STREAM_PATH)


def _check_trusted_proxies(where: str, networks: object) -> Iterator[str]:
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
            yield f"{where}[{index}] is {show(network)}, so that any visitor could say who he is; name the networks of the proxies alone"


def _check_trusted_header(where: str, site: Mapping[str, Any]) -> Iterator[str]:
    """Refuse what says how the visitor is told of, where nobody is believed, or cannot be told in that way."""
    header, tls = site.get("trusted_header", SITE_DEFAULTS["trusted_header"]), site.get("tls")
    if not _RULES["trusted_header"].accepts(header):
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
    mapping = _given(mapping)
    yield from _check_value(f"{where}.url", mapping.get("url"), _URL)
    yield from _check_value(f"{where}.expires", mapping.get("expires", STATIC_DEFAULTS["expires"]), _EXPIRES)
    paths = mapping.get("paths")
    if not isinstance(paths, list) or not paths:
        yield _refuse(f"{where}.paths", paths, "a list of directories below `root`")
        return
    for index, path in enumerate(paths):
        yield from _check_value(f"{where}.paths[{index}]", path, _DIRECTORY)
    uploads = mapping.get("uploads_in", "")
    if uploads != "" and not _DIRECTORY.accepts(uploads):
        yield _refuse(f"{where}.uploads_in", uploads, _DIRECTORY.allowed)
    elif uploads != "":
        for index, path in enumerate(paths):
            if not f"{path}/".startswith(f"{uploads}/"):
                what = f"{where}.paths[{index}] is {show(path)}, which is not in `uploads_in`"
                yield f"{what}, {show(uploads)}; give it a mapping of its own"


def _check_together(variable: str, sites: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Refuse what only shows when looking at all sites: nginx would serve one of two and ignore the other."""
    for name in _repeated([site.get("name") for site in sites]):
        yield f"{variable} has more than one site named {show(name)}; give each its own name"
    present = [site for site in sites if _is_present(site)]
    claims = [_claim(site) for site in present]
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


def _claim(site: Mapping[str, Any]) -> Claim:
    """Return what a site wants of its names; of what is not checked yet only what makes sense."""
    names, path, tls = site.get("server_names"), site.get("path"), site.get("tls")
    settings: dict[str, Any] = {"listen_port": str(site.get("listen_port", SITE_DEFAULTS["listen_port"]))}
    if isinstance(tls, dict) and tls:
        settings.update({f"tls.{key}": value for key, value in {**TLS_DEFAULTS, **_given(tls)}.items()})
    settings.update({key: site[key] for key in ("trusted_proxies", "trusted_header") if site.get(key)})
    prefix = str(path or "/").rstrip("/")
    addresses = {}
    for number, mapping in enumerate(site["static"] if isinstance(site.get("static"), list) else []):
        if isinstance(mapping, dict):
            addresses[f"static[{number}].url"] = f"{prefix}{mapping.get('url')}"
    for number, stream in enumerate(site["stream_paths"] if isinstance(site.get("stream_paths"), list) else []):
        addresses[f"stream_paths[{number}]"] = f"{prefix}{stream}"
    known = dict.fromkeys(str(name).lower() for name in names) if isinstance(names, list) else {}
    return Claim(str(site.get("name")), list(known), _list_ports(site), prefix, settings, addresses)


def _check_shared_extra(variable: str, sites: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Refuse in `extra` what nginx does not hand on to a location within the one that it stands in."""
    for site in sites if len(sites) > 1 else ():
        extra = site.get("extra")
        for problem in find_lost_directives(str(site.get("name")), extra if isinstance(extra, str) else "", _prefix_of(site)):
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


def _list_ports(site: Mapping[str, Any]) -> set[str]:
    """Return the ports on which a site is served, as text; of what is not checked yet only what makes sense."""
    tls = site.get("tls")
    ports = [site.get("listen_port", SITE_DEFAULTS["listen_port"])]
    if isinstance(tls, dict) and tls:
        ports.append(tls.get("port", TLS_DEFAULTS["port"]))
    return {str(port) for port in ports}


def _given(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that have a value; None stands for one that was not given, as in Ansible's modules."""
    return {key: value for key, value in options.items() if value is not None}


def _check_keys(where: str, given: Mapping[str, Any], known: Sequence[str]) -> Iterator[str]:
    for key in given:
        if key not in known:
            closest = find_closest(key, known)
            hint = f"did you mean `{closest}`?" if closest else f"there are {', '.join(known)}"
            yield f"{where} has no option {show(key)}; {hint}"


def _check_value(where: str, value: object, rule: _Rule) -> Iterator[str]:
    if not rule.accepts(value):
        yield _refuse(where, value, rule.allowed)


def _suggest_ascii(name: object) -> str:
    """Return how an internationalised name is written in ASCII, which is what browsers send."""
    try:
        ascii_name = name.encode("idna").decode() if isinstance(name, str) and not name.isascii() else ""
    except UnicodeError:
        return ""
    return f"; in ASCII this one is {ascii_name}" if _SERVER_NAME.accepts(ascii_name) else ""


def _repeated(values: Sequence[object]) -> list[object]:
    return [value for index, value in enumerate(values) if values[:index].count(value) == 1]


def _refuse(where: str, value: object, allowed: str) -> str:
    return f"{where} is {show(value)}; allowed is {allowed}"


def _text(pattern: str, limit: int = _PATH_LIMIT, flags: int = 0) -> Callable[[object], bool]:
    """Accept text of this form, or a number that is so written."""
    compiled = re.compile(pattern, flags | re.ASCII)

    def accepts(value: object) -> bool:
        text = str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else ""
        return len(text) <= limit and compiled.fullmatch(text) is not None

    return accepts


def _path(pattern: str, limit: int = _PATH_LIMIT) -> Callable[[object], bool]:
    """Accept a path of this form in which no segment means the same directory or the one above."""
    has_form = _text(pattern, limit)
    return lambda value: has_form(value) and not {".", ".."} & set(str(value).split("/"))


def _number(highest: int) -> Callable[[object], bool]:
    """Accept a whole number from 1 to `highest`."""
    has_form = _text(r"[0-9]{1,9}")
    return lambda value: has_form(value) and 1 <= int(str(value)) <= highest


_is_socket = _path(rf"unix:(/{_SEGMENT})+", limit=len("unix:") + _SOCKET_PATH_LIMIT)
_is_host = _text(rf"{_HOST}:[0-9]{{1,9}}", flags=re.IGNORECASE)
_is_port = _number(65535)
_is_loopback = _text(r"127(\.(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])){3}")
_is_size = _text(r"[0-9]{1,9}[kmg]?", flags=re.IGNORECASE)
_is_server_name = _text(rf"(\*\.)?{_HOST}|{_HOST}\.\*", limit=_HOST_NAME_LIMIT, flags=re.IGNORECASE)
_is_rate = _text(r"[1-9][0-9]{0,5}r/[sm]")
_is_site_path = _path(r"(/[A-Za-z0-9_~@+.-]+)+/?")
_is_stream_path = _path(r"/([A-Za-z0-9_~@+.-]+/)*[A-Za-z0-9_~@+.-]*")
_is_expires = _text(r"off|max|epoch|-1|[0-9]{1,9}[smhdwMy]?")
_is_header = _text(r"[A-Za-z][A-Za-z0-9-]{0,63}")
_is_misspelt_protocol = _text(r"proxy(-?protocol)?(-?v?[12])?|send-proxy(-v2)?", flags=re.IGNORECASE)
_is_plain_text = re.compile("[\n\t -~\u00a0-\u2027\u202a-\U0010ffff]*").fullmatch

_NAME = _Rule(_text("[a-z][a-z0-9_-]{0,31}"), "1 to 32 lower-case letters, digits, `-` and `_`, beginning with a letter")
_STATE = _Rule(lambda value: value in ("present", "absent", "kept"), "`present`, `absent` or `kept`")
_SERVER_NAME = _Rule(
    lambda value: isinstance(value, str) and value != "_" and _is_server_name(value),
    "a host name such as www.example.org, *.example.org or www.example.*",
)
_URL = _Rule(
    _path(r"/([A-Za-z0-9_~@+.-]+/)*"),
    "an address that begins and ends with `/`, of letters, digits and /_~@+.- without `..`",
)
_SITE_PATH = _Rule(
    lambda value: value == "/" or _is_site_path(value),
    "`/`, or a path such as /shop, of letters, digits and /_~@+.- without `..`",
)
_STREAM_PATH = _Rule(
    lambda value: isinstance(value, str) and _is_stream_path(value),
    "an address that begins with `/`, of letters, digits and /_~@+.- without `..`",
)
_DIRECTORY = _Rule(
    _path(rf"{_SEGMENT}(/{_SEGMENT})*"),
    "a directory below `root` but not `root` itself, of letters, digits and /_@+.- without `..`",
)
_EXPIRES = _Rule(
    lambda value: value is False or _is_expires(value),
    "seconds, a number with one of s m h d w M y, -1, epoch, max or off",
)
_TIMEOUT = _Rule(_number(86400), "seconds, from 1 to 86400")

_COUNT = _Rule(_text(r"[0-9]{1,6}"), "a number from 0 to 999999")
_YES_OR_NO = _Rule(lambda value: isinstance(value, bool), "true or false")

_ABSOLUTE_PATH = _Rule(_path(rf"(/{_SEGMENT})+"), "an absolute path of letters, digits and /_@+.- without `..`")
_LOOPBACK = _Rule(
    lambda value: isinstance(value, str) and value != "127.0.0.1" and _is_loopback(value),
    "an address of the host itself that no other site has, from 127.0.0.2 to 127.255.255.254",
)
_PORT = _Rule(_is_port, "a number from 1 to 65535")

_RULES = {
    "upstream": _Rule(
        lambda value: _is_socket(value) or (_is_host(value) and _is_port(str(value).rpartition(":")[2])),
        f"unix:/path/of/a.sock, of letters, digits and /_@+.- and up to {_SOCKET_PATH_LIMIT} characters, or host:port",
    ),
    "path": _SITE_PATH,
    "root": _ABSOLUTE_PATH,
    "listen_port": _PORT,
    "client_max_body_size": _Rule(_is_size, "bytes, or a number with one of k m g, such as 10m; 0 for no limit"),
    "limit_requests": _Rule(lambda value: value == "" or _is_rate(value), "a number of requests with r/s or r/m, such as 10r/s"),
    "limit_requests_burst": _COUNT,
    "limit_connections": _COUNT,
    "security_headers": _YES_OR_NO,
    "trusted_header": _Rule(
        lambda value: value == PROXY_PROTOCOL or (_is_header(value) and not _is_misspelt_protocol(value)),
        f"the name of a header, such as X-Forwarded-For, X-Real-IP or CF-Connecting-IP, or {PROXY_PROTOCOL}",
    ),
    "pass_dotfiles": _YES_OR_NO,
    "proxy_connect_timeout": _TIMEOUT,
    "proxy_send_timeout": _TIMEOUT,
    "proxy_read_timeout": _TIMEOUT,
    "extra": _Rule(
        lambda value: isinstance(value, str) and _is_plain_text(value) is not None,
        "nginx configuration as text without control characters",
    ),
}
"""The options of a site that are one value."""

_TLS_RULES = {
    "certificate": _ABSOLUTE_PATH,
    "key": _ABSOLUTE_PATH,
    "port": _PORT,
    "redirect": _YES_OR_NO,
    "hsts": _Rule(_text(r"[0-9]{1,9}"), "seconds, such as 300 to begin with and 31536000 once all is well, or 0"),
    "hsts_subdomains": _YES_OR_NO,
    "http3": _YES_OR_NO,
}
"""The options of `tls`."""
