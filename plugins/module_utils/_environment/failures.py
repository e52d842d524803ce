# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why an installation failed, found in the output of its programs.

Packages print what they like while they are built: of it, advice repeats nothing but names that can be nothing else.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

_COLOUR = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_OUTPUT_LINES = 40
_LINES_AFTER_A_REASON = 10
_EVIDENCE_LINES = 5
_LONGEST_SHOWN = 300
_LONGEST_SEARCHED = 2000
"""Characters of a line: some of the patterns below take the square of its length."""

_COMPILER = ("build-essential", "python3-dev")

_NEEDS: tuple[tuple[str, tuple[str, ...]], ...] = (
    # What is missing, as compilers, build systems and packages' own scripts say it; and the Debian packages that have it.
    (r"command '\S*(?:gcc|cc|g\+\+|c\+\+)' failed: No such file|unable to execute '\S*(?:gcc|cc|g\+\+)'", _COMPILER),
    (r"No such file or directory: '\S*(?:gcc|cc|g\+\+|c\+\+)'", _COMPILER),
    (
        (
            r"Unknown compiler\(s\)(?!: \[\['gfortran')|No CMAKE_C(?:XX)?_COMPILER could be found"
            r"|(?:gcc|cc1plus|g\+\+): (?:command )?not found"
        ),
        _COMPILER,
    ),
    (r"fatal error: Python\.h", ("python3-dev",)),
    (r"pg_config executable not found|fatal error: libpq-fe\.h", ("libpq-dev",)),
    (r"mysql_config: not found|pkg-config name.*(?:mysql|mariadb)|fatal error: mysql\.h", ("default-libmysqlclient-dev", "pkg-config")),
    (r"Trying pkg-config --exists (?:mysqlclient|mariadb|libmariadb)", ("default-libmysqlclient-dev", "pkg-config")),
    (r"(?:pkg-config|pkgconf)['\"`]?:? (?:command )?not found|Did not find pkg-config", ("pkg-config",)),
    (r"fatal error: ffi\.h", ("libffi-dev",)),
    (r"fatal error: openssl/", ("libssl-dev",)),
    (r"fatal error: (?:lber|ldap)\.h", ("libldap-dev",)),
    (r"fatal error: sasl(?:/sasl)?\.h", ("libsasl2-dev",)),
    (r"fatal error: libxml/|xml2-config|libxml2 and libxslt development packages", ("libxml2-dev", "libxslt1-dev")),
    (r"fatal error: libxslt/", ("libxslt1-dev",)),
    (r"fatal error: xmlsec/|Unable to find xmlsec1", ("libxmlsec1-dev", "pkg-config")),
    (r"fatal error: zlib\.h|headers or library files could not be found for zlib", ("zlib1g-dev",)),
    (r"fatal error: jpeglib\.h|headers or library files could not be found for jpeg", ("libjpeg-dev", "zlib1g-dev")),
    (r"fatal error: ft2build\.h", ("libfreetype-dev",)),
    (r"Could not run curl-config|fatal error: curl/", ("libcurl4-openssl-dev", "libssl-dev")),
    (r"krb5-config|fatal error: gssapi", ("libkrb5-dev",)),
    (r"geos-config|fatal error: geos_c\.h", ("libgeos-dev",)),
    (r"gdal-config|fatal error: gdal\.h", ("libgdal-dev",)),
    (r"fatal error: sqlite3\.h", ("libsqlite3-dev",)),
    (r"fatal error: sql\.h", ("unixodbc-dev",)),
    (r"fatal error: libvirt/", ("libvirt-dev",)),
    (r"fatal error: (?:lzma|bzlib)\.h", ("liblzma-dev", "libbz2-dev")),
    (r"fatal error: cairo\.h", ("libcairo2-dev",)),
    (r"fatal error: (?:portaudio|sndfile)\.h", ("portaudio19-dev", "libsndfile1-dev")),
    (r"fatal error: (?:proj|proj_api)\.h|proj executable not found|PROJ_DIR", ("libproj-dev", "proj-bin")),
    (r"fatal error: zbar\.h", ("libzbar-dev",)),
    (r"fatal error: (?:mpfr|mpc)\.h", ("libmpfr-dev", "libmpc-dev")),
    (r"fatal error: pcap\.h", ("libpcap-dev",)),
    (r"fatal error: uuid/uuid\.h", ("uuid-dev",)),
    (r"fatal error: sodium\.h", ("libsodium-dev",)),
    (r"fatal error: re2/re2\.h", ("libre2-dev",)),
    (r"fatal error: librdkafka/", ("librdkafka-dev",)),
    (r"fatal error: systemd/", ("libsystemd-dev",)),
    (r"fatal error: (?:dbus/dbus|glib)\.h", ("libdbus-1-dev", "libglib2.0-dev")),
    (r"fatal error: girepository", ("libgirepository1.0-dev",)),
    (r"fatal error: (?:hdf5|hdf5_hl)\.h", ("libhdf5-dev",)),
    (r"fatal error: (?:cblas|openblas_config)\.h", ("libopenblas-dev",)),
    (r"fatal error: sqlfront\.h|fatal error: sybdb\.h", ("freetds-dev",)),
    (r"fatal error: (?:ncurses|curses)\.h", ("libncurses-dev",)),
    (r"fatal error: readline/", ("libreadline-dev",)),
    (r"fatal error: postgres\.h", ("postgresql-server-dev-all",)),
    (r"fatal error: pg_config\.h|pg_config: (?:command )?not found|No such file or directory: 'pg_config'", ("libpq-dev",)),
    (r"Unknown compiler\(s\): \[\['gfortran'|gfortran: (?:command )?not found|No Fortran compiler found", ("gfortran",)),
    (r"No such file or directory: '(?:cargo|rustc)'|(?:cargo|rustc): (?:command )?not found", ("cargo", "rustc")),
    (r"No such file or directory: 'cmake'|Unable to find CMake", ("cmake",)),
    (r"No such file or directory: '?(?:make|ninja)|(?:^|\s)make: (?:command )?not found", ("build-essential", "ninja-build")),
    (r"(?:autoreconf|autoconf|automake|libtoolize): (?:command )?not found", ("autoconf", "automake", "libtool")),
    (r"(?:bison|flex): (?:command )?not found", ("bison", "flex")),
    (r"(?:npm|node): (?:command )?not found|No such file or directory: '(?:npm|node)'", ("nodejs", "npm")),
    (r"No such file or directory: 'xmlsec1-config'|xmlsec1 is not installed", ("libxmlsec1-dev", "pkg-config")),
    (r"fatal error: (?:X11/|Xlib)", ("libx11-dev",)),
    (r"No such file or directory: 'mysql_config'", ("default-libmysqlclient-dev", "pkg-config")),
    (r"No such file or directory: 'protoc'|protoc: (?:command )?not found", ("protobuf-compiler",)),
    (r"fatal error: yaml\.h", ("libyaml-dev",)),
    (r"fatal error: gmp\.h", ("libgmp-dev",)),
    (r"fatal error: snappy-c\.h", ("libsnappy-dev",)),
    (r"fatal error: magic\.h", ("libmagic-dev",)),
    (r"can't find Rust compiler|Cargo, the Rust package manager, is not installed|Rust not found", ("cargo", "rustc")),
    (r"CMake must be installed|Could not find .*cmake|cmake: not found", ("cmake",)),
    (r"swig['\"]? failed: No such file|swig: not found", ("swig",)),
    (r"Cannot find command 'git'|No such file or directory: 'git'", ("git", "openssh-client")),
    (r"cannot run ssh: No such file|exec: ssh: not found|^(?:/bin/)?sh: \d+: ssh: not found", ("openssh-client",)),
)
_PKG_CONFIG: Mapping[str, tuple[str, ...]] = {
    # The names by which build systems ask pkg-config and meson for a library.
    "alsa": ("libasound2-dev",),
    "bzip2": ("libbz2-dev",),
    "cairo": ("libcairo2-dev",),
    "dbus-1": ("libdbus-1-dev",),
    "fontconfig": ("libfontconfig-dev",),
    "freetype2": ("libfreetype-dev",),
    "gdk-pixbuf-2.0": ("libgdk-pixbuf-2.0-dev",),
    "girepository-1.0": ("libgirepository1.0-dev",),
    "girepository-2.0": ("libgirepository-2.0-dev",),
    "glib-2.0": ("libglib2.0-dev",),
    "gobject-introspection-1.0": ("libgirepository1.0-dev",),
    "gobject-2.0": ("libglib2.0-dev",),
    "hdf5": ("libhdf5-dev",),
    "lapack": ("liblapack-dev",),
    "libavcodec": ("libavcodec-dev",),
    "libavdevice": ("libavdevice-dev",),
    "libavfilter": ("libavfilter-dev",),
    "libavformat": ("libavformat-dev",),
    "libcurl": ("libcurl4-openssl-dev",),
    "libffi": ("libffi-dev",),
    "libpq": ("libpq-dev",),
    "libsystemd": ("libsystemd-dev",),
    "libvirt": ("libvirt-dev",),
    "libxml-2.0": ("libxml2-dev",),
    "libxslt": ("libxslt1-dev",),
    "openblas": ("libopenblas-dev",),
    "OpenBLAS": ("libopenblas-dev",),
    "openssl": ("libssl-dev",),
    "pango": ("libpango1.0-dev",),
    "poppler-cpp": ("libpoppler-cpp-dev",),
    "proj": ("libproj-dev", "proj-bin"),
    "sqlite3": ("libsqlite3-dev",),
    "vips": ("libvips-dev",),
    "xmlsec1": ("libxmlsec1-dev",),
    "yaml-0.1": ("libyaml-dev",),
    "zlib": ("zlib1g-dev",),
}
_ASKED_OF_PKG_CONFIG = re.compile(
    r"(?:Package ['\"]?(?P<first>[\w.+-]{1,40})['\"]?,? (?:required by|was not found)"
    r"|Dependency ['\"](?P<second>[\w.+-]{1,40})['\"] not found"
    r"|Dependency lookup for (?P<fourth>[\w.+-]{1,40}) with method|No package ['\"](?P<third>[\w.+-]{1,40})['\"] found"
    r"|Run-time dependency (?P<fifth>[\w.+-]{1,40}) found: NO)",
    re.ASCII,
)
_OTHER_REASONS: tuple[tuple[re.Pattern[str], str], ...] = (
    # What has nothing to do with a build: the network, the index, and the disk. The first that is found counts.
    (
        re.compile(r"No space left on device|\[Errno 28\]"),
        (
            "the disk is full, or has no inodes left: `df -h` and `df -i` tell for the places that an installation writes to, "
            "/var/cache/webstack-flask (TMPDIR, too), /var/www and /tmp. Free some space, or set `dependencies: "
            "{environment: {TMPDIR: /var/tmp}}` "
            "if there is room in that place alone"
        ),
    ),
    (
        re.compile(r"Disk quota exceeded|\[Errno 122\]"),
        "a quota is used up, that of the account that installs (`repquota -a` tells); raise it, or take that account out of it",
    ),
    (
        re.compile(r"failed to map segment from shared object|(?:configure|conftest|build_ext)\b.{0,80}Permission denied"),
        (
            "what is built cannot be run where it lies: /var/cache or /var/www is mounted noexec (`findmnt -T /var/cache` tells); "
            "mount it with exec"
        ),
    ),
    (
        re.compile(r"Host key verification failed|No \w+ host key is known for"),
        (
            "the host key of a dependency's git server is not known to the installation. Compare what `ssh-keyscan HOST` prints with what "
            "its operator publishes, and put the lines into `dependencies.known_hosts`, with a key that may read the repository as "
            "`dependencies.ssh_key`; or let it use those of the source: `dependencies: {git_access: true}`"
        ),
    ),
    (
        re.compile(r"Permission denied \((?:publickey|keyboard|password)"),
        (
            "the git server of a dependency takes no key of the installation: give it one that may read that repository as "
            "`dependencies.ssh_key`, or let it use that of the source, `dependencies: {git_access: true}`. A deploy key "
            "is often for one repository alone; then an account of its own with a key for both will do"
        ),
    ),
    (
        re.compile(r"could not read (?:Username|Password) for |terminal prompts disabled|fatal: Authentication failed for "),
        (
            "the git server of a dependency wants a user and a token, or does not have the repository: name them by variables in the URL "
            "of the dependency (`git+https://${GIT_USER}:${GIT_TOKEN}@HOST/PATH`), with their values in `dependencies.environment`; or let "
            "it use those in `source.git`, where the server is the same: `dependencies: {git_access: true}`"
        ),
    ),
    (
        re.compile(r"Repository not found|does not appear to be a git repository"),
        (
            "a dependency's git server has no such repository, or the key or token of the installation may not read it: see "
            "`dependencies.ssh_key`, and `dependencies.git_access` for those of the source"
        ),
    ),
    (
        re.compile(r"server certificate verification failed|SSL certificate problem"),
        (
            "the host does not trust the certificate of a dependency's git server: install its CA's certificate in "
            "/usr/local/share/ca-certificates there and run `update-ca-certificates`, or name the file: "
            "`dependencies: {environment: {GIT_SSL_CAINFO: /path/of/ca.pem}}`"
        ),
    ),
    (
        re.compile(r"ssh: (?:Could not resolve hostname|connect to host)"),
        (
            "the git server of a dependency cannot be reached from the host: look at its name and port in the dependency's URL, and at the "
            "host's DNS (`getent hosts NAME`) and firewall"
        ),
    ),
    (
        re.compile(r"CERTIFICATE_VERIFY_FAILED|certificate verify failed"),
        (
            "the certificate of the package index is not trusted here: a proxy that inspects TLS, or a CA of your own, is named by "
            "`dependencies: {environment: {PIP_CERT: /path/of/ca.pem, REQUESTS_CA_BUNDLE: /path/of/ca.pem}}`"
        ),
    ),
    (
        re.compile(r"\b(?:401 (?:Client )?Error|403 (?:Client )?Error|HTTP error 40[13]|401 Unauthorized|User for .{1,100}:)"),
        (
            "the package index refuses the credentials, or wants some: put them into `dependencies.index_url` "
            "(`https://USER:PASSWORD@HOST/simple/`), from a vault"
        ),
    ),
    (
        re.compile(r"ProxyError|Cannot connect to proxy|Tunnel connection failed"),
        "the proxy does not let the installation through: see `dependencies: {environment: {HTTPS_PROXY: http://HOST:PORT}}`",
    ),
    (
        re.compile(
            r"Temporary failure in name resolution|Name or service not known|Failed to resolve|NameResolutionError|No address associated"
            r"|NewConnectionError|Failed to establish a new connection|Connection refused|Network is unreachable|No route to host"
            r"|ConnectTimeoutError|ReadTimeoutError|Read timed out|RemoteDisconnected|Max retries exceeded|Connection reset by peer"
        ),
        (
            "the package index cannot be reached from the host: if there is a mirror, name it in "
            "`dependencies.index_url`; if there is a proxy, "
            "in `dependencies: {environment: {HTTPS_PROXY: http://HOST:PORT}}`; a lock file names indexes of its own"
        ),
    ),
    (
        re.compile(r"HTTP error 404|404 Client Error"),
        (
            "the package index does not have it: look at `dependencies.index_url` (it ends with `/simple/` as a rule) and at the name "
            "and version"
        ),
    ),
    (
        re.compile(r"HTTP error 5\d\d|5\d\d Server Error|too many 50\d error responses"),
        "the package index has a fault of its own; run again later, or name another one in `dependencies.index_url`",
    ),
    (
        re.compile(r"THESE PACKAGES DO NOT MATCH THE HASHES"),
        (
            "what the index serves is not what the lock or requirements file was made with: somebody has "
            "replaced a package, or the index builds "
            "its own. Do not take it over before you know which"
        ),
    ),
)
_KNOWN = tuple((re.compile(pattern), packages) for pattern, packages in _NEEDS)
_HEADER = re.compile(r"fatal error: (?P<header>\w[\w./+-]{0,99}\.h\w{0,9}): No such file", re.ASCII)
_BROKEN = re.compile(r"Failed (?:building wheel for|to build) '?(?P<name>\w[\w.-]{0,99})(?![\w.-])", re.ASCII)
_OTHER_PYTHON = re.compile(
    r"Ignored the following versions that require a different python version: (?P<versions>[\w.!+*;, <>=~-]{1,200})", re.ASCII
)

_CONFLICT = "The conflict is caused by:"
_IN_CONFLICT = re.compile(
    r"\s*(?:(?P<package>\w[\w.-]{0,99}) (?P<version>\d[\w.!+]{0,39}) depends on|The user requested(?P<kept> \(constraint\))?) "
    r"(?P<wanted>\w[\w.\[\]<>=!~,*-]{0,99})",
    re.ASCII,
)
_OLD_WORKERS = "`gunicorn: {worker_class: uvicorn.workers.UvicornWorker}` does with gunicorn 20.1, too"


def describe_failure(command: str, output: str) -> str:
    """Return why a command of an installation failed: what a build was missing if that is known, else its last lines.

    Lines that are equal are one, wherever they stand: programs say the same for each package, and for each time that they try.
    """
    lines = [line[:_LONGEST_SEARCHED].rstrip() for line in _COLOUR.sub("", output).splitlines() if line.strip()]
    reason, evidence = _find_reason(lines)
    lines = merge_equal(lines)
    if not reason:
        return f"`{command}` failed:\n{_indent(lines[-_OUTPUT_LINES:])}"
    rest = lines[-_LINES_AFTER_A_REASON:]
    shown = [*dict.fromkeys(line for line in evidence if line not in rest)][:_EVIDENCE_LINES]
    return f"{reason}. `{command}` failed:\n{_indent([*shown, '…', *rest] if shown else rest)}"


def _find_reason(lines: list[str]) -> tuple[str, list[str]]:
    needed, evidence = find_missing_packages(lines)
    headers = [match["header"] for line in lines if (match := _HEADER.search(line)) and line not in evidence]
    if needed:
        return (
            f"to build {_name_broken(lines)}, the host needs the Debian packages {' '.join(needed)}: "
            f"add `build_packages: [{', '.join(needed)}]` to the app's `dependencies`, and run site.yml, which installs them"
        ), evidence
    if headers:
        return (
            f"to build {_name_broken(lines)}, the host needs the Debian package that has {headers[0]} (`apt-file search {headers[0]}` "
            "tells which): name it in the app's `dependencies.build_packages`, and run site.yml, which installs it"
        ), [line for line in lines if _HEADER.search(line)]
    for pattern, explanation in _OTHER_REASONS:
        if found := next((line for line in lines if pattern.search(line)), None):
            return explanation, [found]
    for line in lines:
        if match := _OTHER_PYTHON.search(line):
            return f"what is asked for is not made for this version of Python (passed over: {match['versions']})", [line]
    return _explain_conflict(lines), []


def _explain_conflict(lines: list[str]) -> str:
    """Return which of the packages that are asked for contradict one another, as pip has found; nothing if it has found none that do."""
    if _CONFLICT not in lines:
        return ""
    found = [match for line in lines[lines.index(_CONFLICT) + 1 :] if (match := _IN_CONFLICT.match(line))]
    if not found:
        return ""
    said = [
        f"{match['package']} {match['version']} needs {match['wanted']}"
        if match["package"]
        else f"{match['wanted']} is {'what the rest of the app has' if match['kept'] else 'asked for'}"
        for match in found[:_EVIDENCE_LINES]
    ]
    advice = _OLD_WORKERS if any(match["package"] == "uvicorn-worker" for match in found) else "ask for other versions"
    return f"packages of the app contradict one another: {', and '.join(said)}; {advice}"


def find_missing_packages(lines: list[str]) -> tuple[list[str], list[str]]:
    """Return the Debian packages that were missing for a build, each once, and the lines that show it."""
    needed: dict[str, None] = {}
    evidence = []
    for line in lines:
        for pattern, packages in _KNOWN:
            if pattern.search(line):
                needed.update(dict.fromkeys(packages))
                evidence.append(line)
        if (match := _ASKED_OF_PKG_CONFIG.search(line)) and (packages := _PKG_CONFIG.get(next(filter(None, match.groups())), ())):
            needed.update(dict.fromkeys((*packages, "pkg-config")))
            evidence.append(line)
    return list(needed), evidence


def merge_equal(lines: Sequence[str]) -> list[str]:
    """Return lines, each where it comes last, with the number of times if it comes more than once."""
    times = Counter(lines)
    last = {line: number for number, line in enumerate(lines)}
    return [
        line if times[line] == 1 else f"{line[:_LONGEST_SHOWN]} ({times[line]} times)"
        for number, line in enumerate(lines)
        if last[line] == number
    ]


def _name_broken(lines: list[str]) -> str:
    found = [match["name"] for line in lines if (match := _BROKEN.search(line))]
    return found[0] if found else "a package that has no wheel for this Python"


def _indent(lines: list[str]) -> str:
    return "\n".join(
        f"  {line}" if len(line) <= _LONGEST_SHOWN or line.endswith(" times)") else f"  {line[:_LONGEST_SHOWN]}…" for line in lines
    )
