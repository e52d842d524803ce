# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""nginx's configuration and its complaints, as text; no file is read here."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

OWNERSHIP_MARK = "webstack.flask.nginx_site"
"""A file that contains this was written by the role; any other file is somebody else's."""

_SMALL_HASH_NAME_LIMIT = 46
"""Length of the longest server name that fits nginx's default bucket of 64 bytes (measured: 47 is refused)."""

_SMALL_HASH_COUNT = 64
"""So many names always fit the default hash without a warning (measured: 100 do, 150 do not)."""

_LARGE_HASH = """
# Long server names, or many of them.
server_names_hash_bucket_size 512;
"""

_SMALL_HASH_VARIABLE_LIMIT = 46
"""Length of the longest variable that fits nginx's default bucket of 64 bytes (measured: 47 is refused)."""

_SMALL_HASH_VARIABLES = 12
"""So many variables of sites fit nginx's default hash without a warning (measured: 10 do, 20 do not)."""

_VARIABLE_HASH = {"variables_hash_bucket_size": 128, "variables_hash_max_size": 4096}
_VARIABLE = re.compile(r"(?m)^(?:map|geo) .*?\$(\w+) \{$")

_CATCH_ALL = """
# Names that no site has get no answer.
server {{
{listens}
{body}
}}
"""

_MODERN = (1, 25, 1)
"""The version of nginx for which the template of the role is written."""

PROXY_PROTOCOL = "proxy_protocol"
"""How nginx is told that who connects begins with a line of that protocol."""

_NAMELESS = {"", "_"}
"""What people write as the name of a default server."""

_TOKEN = re.compile(r"""#[^\n]*|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[;{}]|(?:\\.|\$\{|[^\s;{}\\])+""", re.DOTALL)
_COMMENT = re.compile(r"(?m)(?:^|(?<=\s))#.*$")
_COMPLAINT = re.compile(r"\[(?P<level>emerg|alert|crit|error|warn)\] (?:\d+#\d+: )?(?P<text>.*)")
_PLACE = re.compile(r"(?P<text>.*) in (?P<file>/\S+):(?P<line>\d+)")
_UNOPENED = re.compile(r'open\(\) "(?P<file>/[^"]+)" failed')
_PATH = re.compile(r'"(?P<path>/[^"]+)"')
_DUPLICATE = "a duplicate default server"
_CONFLICT = re.compile(r'conflicting server name "(?P<name>[^"]*)" on ')


@dataclass(frozen=True)
class Complaint:
    """One thing that `nginx -t` found, and the place it names, if it names one."""

    level: str
    text: str
    file: str = ""
    line: int = 0

    def __str__(self) -> str:
        """Return the complaint as a user should read it."""
        place = f" in {self.file}" if self.file else ""
        return f"{self.text}{place}{f', line {self.line}' if self.line else ''}"


@dataclass(frozen=True)
class Server:
    """A `server` block: the words of each `listen`, its names, and the file of its certificate."""

    listens: tuple[tuple[str, ...], ...]
    names: tuple[str, ...]
    certificate: str = ""

    @property
    def wants_unknown_names(self) -> bool:
        """Whether it has no name of its own, so that it is a default server."""
        return set(self.names) <= _NAMELESS

    @property
    def defaults(self) -> tuple[tuple[str, ...], ...]:
        """The `listen`s on which it is the default server."""
        return tuple(words for words in self.listens if self.wants_unknown_names or {"default_server", "default"} & {*words})


def find_servers(text: str) -> list[Server]:
    """Return the `server` blocks in a configuration file; anything else is ignored."""
    servers: list[Server] = []
    stack: list[list[list[str]]] = [[]]
    words: list[str] = []
    for piece in _TOKEN.findall(text):
        if piece == "{":
            stack.append([words])
            words = []
        elif piece == "}" and len(stack) > 1:
            head, *directives = stack.pop()
            if head == ["server"]:
                servers.append(_read_server(directives))
            words = []
        elif piece == ";":
            stack[-1].append(words)
            words = []
        elif words or not piece.startswith("#"):
            words.append(piece.strip("\"'"))
    return servers


def split_directives(text: str) -> list[tuple[list[str], str]]:
    """Return the directives at the top of a piece of configuration: the words of each before `;` or `{`, and all of its text."""
    found: list[tuple[list[str], str]] = []
    words: list[str] = []
    depth = start = 0
    for piece in _TOKEN.finditer(text):
        token = piece.group()
        if not words and not depth:
            if token.startswith("#"):
                continue
            start = piece.start()
        depth += {"{": 1, "}": -1}.get(token, 0)
        if depth <= 0 and token in (";", "}"):
            found += [(words, text[start : piece.end()])] if words else []
            words, depth = [], 0
        elif not depth:
            words.append(token)
    return found


def list_words(text: str) -> list[str]:
    """Return all words of a piece of configuration, at whatever depth, without its comments."""
    return [piece.strip("\"'") for piece in _TOKEN.findall(text) if not piece.startswith("#")]


def _read_server(directives: Sequence[list[str]]) -> Server:
    listens = tuple(tuple(words[1:]) for words in directives if words[:1] == ["listen"] and words[1:])
    names = tuple(name for words in directives if words[:1] == ["server_name"] for name in words[1:])
    certificates = [words[1] for words in directives if words[0:1] == ["ssl_certificate"] and words[1:]]
    return Server(listens or (("80",),), names, certificates[0] if certificates else "")


def _socket_of(listen: Sequence[str]) -> tuple[str, bool]:
    """Return the address and port of a `listen`, always written in the same way, and whether it is UDP."""
    address = listen[0]
    if address.isdigit():
        address = f"*:{address}"
    elif not address.startswith("unix:") and not re.search(r":\d+$", address):
        address = f"{address}:80"
    return re.sub(r"^0\.0\.0\.0:", "*:", address), "quic" in listen


def find_encrypted(text: str) -> list[tuple[str, int, str, str, bool]]:
    """Return for each server with a certificate how it can be asked.

    That is an address, a port, a name, the certificate's file, and whether it wants the PROXY protocol.
    """
    found = []
    for server in find_servers(text):
        listens = [words for words in server.listens if "ssl" in words]
        if server.certificate and server.names and listens:
            address, _colon, port = _socket_of(listens[0])[0].rpartition(":")
            host = {"*": "127.0.0.1", "[::]": "::1"}.get(address, address.strip("[]"))
            found.append((host, int(port), re.sub(r"^\*|\*$", "www", server.names[0]), server.certificate, PROXY_PROTOCOL in listens[0]))
    return found


def add_catch_all(http: str, body: str, ours: Iterable[str], foreign: Iterable[str]) -> str:
    """Return the http-level settings, with a server for the names that no site has; `body` is what stands in it.

    It listens where a site of ours does, but nowhere where somebody else (`foreign` holds their texts) has a server for
    such names: nginx takes one for each address and port. Nor does it where a site of ours says that it is the one.
    """
    ours = list(ours)
    taken = {_socket_of(listen) for text in (*foreign, *ours) for server in find_servers(text) for listen in server.defaults}
    wanted = {_socket_of(listen): listen for text in ours for server in find_servers(text) for listen in server.listens}
    free = [wanted[socket] for socket in sorted(wanted.keys() - taken)]
    if not free:
        return http
    # Without a queue for each worker, the packets of a QUIC connection reach workers that know nothing of it.
    lines = [["listen", *listen, "default_server", *(["reuseport"] if "quic" in listen else [])] for listen in free]
    return http + _CATCH_ALL.format(listens="\n".join(f"    {' '.join(line)};" for line in lines), body=body.rstrip("\n"))


def find_mixed_listens(sites: Mapping[str, str], texts: Mapping[str, str]) -> list[str]:
    """Return a sentence for the files that want the PROXY protocol where a site does not, or the other way round.

    `sites` are the names of this run's sites by file, `texts` what nginx reads by file. nginx takes all that comes to an address and port
    in one way: where one `listen` says `proxy_protocol`, who does not speak it gets no answer, whichever name he wants.
    """
    ways: dict[tuple[str, bool], tuple[list[str], list[str]]] = {}
    for file, text in sorted(texts.items()):
        for listen in (listen for server in find_servers(text) for listen in server.listens):
            files = ways.setdefault(_socket_of(listen), ([], []))[PROXY_PROTOCOL not in listen[1:]]
            if file not in files:
                files.append(file)
    mixed: dict[tuple[str, str], list[str]] = {}
    for (address, _is_udp), (those_with, those_without) in sorted(ways.items()):
        if those_with and those_without and not sites.keys().isdisjoint([*those_with, *those_without]):
            mixed.setdefault((_name_files(those_with, sites), _name_files(those_without, sites)), []).append(address)
    return [
        f"at {' and '.join(addresses)} {those_with} would let nginx answer to nobody who does not speak the PROXY protocol, and cut off "
        f"the visitors of {those_without}; give all of them `proxy_protocol` (sites of the role `trusted_header: {PROXY_PROTOCOL}`), or "
        "another port"
        for (those_with, those_without), addresses in mixed.items()
    ]


def _name_files(files: Iterable[str], sites: Mapping[str, str]) -> str:
    return " and ".join(f"the site {sites[file]}" if file in sites else file for file in files)


def parse_version(shown: str) -> tuple[int, ...]:
    """Return the version in what `nginx -v` shows."""
    found = re.search(r"nginx/(\d+(?:\.\d+)*)", shown)
    return tuple(int(part) for part in found[1].split(".")) if found else ()


def adapt_to_version(text: str, version: tuple[int, ...]) -> str:
    """Return the configuration in the syntax of this version of nginx.

    Since 1.25.1 HTTP/2 is switched on by a directive of its own, and there is HTTP/3.
    """
    if version >= _MODERN:
        return text
    without_http3 = re.sub(r"(?m)^(\s*)(listen \S+ quic;|add_header Alt-Svc .*)$", r"\1# \2 (this nginx has no HTTP/3)", text)
    return re.sub(r"(?m)^\s*http2 on;\n", "", re.sub(r"(?m)^(\s*listen \S+ ssl(?: proxy_protocol)?);$", r"\1 http2;", without_http3))


def is_ours(text: str | None) -> bool:
    """Return whether the role wrote this text."""
    return text is not None and OWNERSHIP_MARK in text


def disable_ipv6(text: str) -> str:
    """Return the configuration without its IPv6 listeners, for a host whose kernel refuses such sockets."""
    return re.sub(r"(?m)^(\s*)(listen \[::\]:.*)$", r"\1# \2 (this host has no IPv6)", text)


def find_certificates(text: str) -> list[str]:
    """Return the files of the certificates that a configuration file names."""
    return re.findall(r"\bssl_certificate\s+([^\s;]+);", _COMMENT.sub("", text))


def find_server_names(text: str) -> list[str]:
    """Return the server names in a configuration file, in its order."""
    directives = re.findall(r"\bserver_name\s+([^;{}]+);", _COMMENT.sub("", text))
    return [name.strip("\"'") for names in directives for name in names.split()]


def add_hash_size(http: str, names: Iterable[str], foreign: Iterable[str]) -> str:
    """Return the http-level settings, with room for the server names when they need it.

    nginx takes the directive once only, so a file of somebody else (`foreign` holds their texts) has precedence.
    """
    names = list(names)
    is_small = len(names) <= _SMALL_HASH_COUNT and max(map(len, names), default=0) <= _SMALL_HASH_NAME_LIMIT
    is_set = any(re.search(r"\bserver_names_hash_bucket_size\s", _COMMENT.sub("", text)) for text in foreign)
    return http if is_small or is_set else http + _LARGE_HASH


def add_variable_hash(http: str, ours: Iterable[str], foreign: Iterable[str]) -> str:
    """Return the http-level settings, with room for the variables of our sites when they need it; what `foreign` files say counts."""
    names = {name for text in ours for name in _VARIABLE.findall(text)}
    if len(names) <= _SMALL_HASH_VARIABLES and max(map(len, names), default=0) <= _SMALL_HASH_VARIABLE_LIMIT:
        return http
    said = {word for text in foreign for word in list_words(text)}
    lines = [f"{directive} {size};\n" for directive, size in _VARIABLE_HASH.items() if directive not in said]
    return "".join([http, *(["\n# Sites have variables of their own, which are called after them.\n", *lines] if lines else [])])


def includes_sites(main: str) -> bool:
    """Return whether a main configuration file reads the directory of the enabled sites."""
    return re.search(r"\binclude\s+[^;]*sites-enabled/", _COMMENT.sub("", main)) is not None


def move_main(main: str, etc: str, stage: str) -> str:
    """Return the main configuration file such that it reads a staged tree instead of `etc`, and owns no process."""
    return re.sub(r"(?m)^(\s*pid\s+)[^;]+;", rf"\1{stage}/nginx.pid;", main.replace(f"{etc}/", f"{stage}/"))


def parse_complaints(output: str, *, stage: str = "", etc: str = "") -> list[Complaint]:
    """Return what nginx complains of in the output of `nginx -t`, a staged path as the path that it stands for."""
    complaints = []
    for line in output.splitlines():
        found = _COMPLAINT.search(line.replace(stage, etc) if stage else line)
        if found is None:
            continue
        text, place = found["text"], _PLACE.fullmatch(found["text"])
        unopened = _UNOPENED.match(text)
        if unopened:
            complaints.append(Complaint(found["level"], text, unopened["file"]))
        elif place:
            complaints.append(Complaint(found["level"], place["text"], place["file"], int(place["line"])))
        else:
            complaints.append(Complaint(found["level"], text))
    return complaints


def find_refusal(complaints: Sequence[Complaint]) -> Complaint:
    """Return the complaint for which nginx refused a configuration."""
    grave = [complaint for complaint in complaints if complaint.level != "warn"]
    return grave[0] if grave else Complaint("emerg", "nginx gave no reason")


def find_ignored_names(complaints: Sequence[Complaint]) -> list[str]:
    """Return the server names that nginx ignores in one place because another has them already."""
    names = [found["name"] for complaint in complaints if (found := _CONFLICT.match(complaint.text))]
    return list(dict.fromkeys(names))


def _find_user_of(text: str, sites: Iterable[str], texts: Mapping[str, str]) -> str:
    """Return the site's file that names the path in the text: nginx does not tell who uses a certificate that it cannot load."""
    found = _PATH.search(text)
    return next((file for file in sites if found and found["path"] in texts.get(file, "")), "")


def explain_refusal(refusal: Complaint, *, sites: Mapping[str, str], texts: Mapping[str, str], before: Complaint | None) -> str:
    """Return why nginx refused the new configuration, and whose file is at fault.

    `sites` are the names of this run's sites by file, `texts` the new content of each file, and `before` is what
    nginx refuses in the configuration that is in place, if it refuses that one too.
    """
    refusal = replace(refusal, file=refusal.file or _find_user_of(refusal.text, sites, texts))
    if refusal.file in sites:
        lines = texts.get(refusal.file, "").splitlines()
        line = f": `{lines[refusal.line - 1].strip()}`" if 0 < refusal.line <= len(lines) else ""
        return f"nginx refuses the site {sites[refusal.file]}: {refusal}{line}. Nothing was changed"
    if before is not None:
        return (
            f"nginx refuses a file that is none of these sites': {before}. It did so before this run, and would not "
            "come up after a restart; the sites were not activated, and what nginx serves it goes on serving. "
            "Correct or remove that file, then run again"
        )
    hint = "; to leave unknown names to somebody else, set nginx_site_unknown_names to answer" if _DUPLICATE in refusal.text else ""
    return f"nginx refuses the sites together with the rest of its configuration: {refusal}. Nothing was changed{hint}"
