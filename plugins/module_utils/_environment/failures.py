# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why an installation failed, found in the output of its programs.

Packages print what they like while they are built: of it, advice repeats nothing but names that can be nothing else.
"""

from __future__ import annotations

import re

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
    (r"Unknown compiler\(s\)|No CMAKE_C(?:XX)?_COMPILER could be found|(?:gcc|cc1plus|g\+\+): (?:command )?not found", _COMPILER),
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
    (r"fatal error: yaml\.h", ("libyaml-dev",)),
    (r"fatal error: gmp\.h", ("libgmp-dev",)),
    (r"fatal error: snappy-c\.h", ("libsnappy-dev",)),
    (r"fatal error: magic\.h", ("libmagic-dev",)),
    (r"can't find Rust compiler|Cargo, the Rust package manager, is not installed|Rust not found", ("cargo", "rustc")),
    (r"CMake must be installed|Could not find .*cmake|cmake: not found", ("cmake",)),
    (r"swig['\"]? failed: No such file|swig: not found", ("swig",)),
    (r"Cannot find command 'git'|No such file or directory: 'git'", ("git",)),
)
_KNOWN = tuple((re.compile(pattern), packages) for pattern, packages in _NEEDS)
_HEADER = re.compile(r"fatal error: (?P<header>\w[\w./+-]{0,99}\.h\w{0,9}): No such file", re.ASCII)
_BROKEN = re.compile(r"Failed (?:building wheel for|to build) '?(?P<name>\w[\w.-]{0,99})(?![\w.-])", re.ASCII)
_OTHER_PYTHON = re.compile(
    r"Ignored the following versions that require a different python version: (?P<versions>[\w.!+*;, <>=~-]{1,200})", re.ASCII
)


def describe_failure(command: str, output: str) -> str:
    """Return why a command of an installation failed: what a build was missing if that is known, else its last lines."""
    lines = [line[:_LONGEST_SEARCHED].rstrip() for line in _COLOUR.sub("", output).splitlines() if line.strip()]
    reason, evidence = _find_reason(lines)
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
    for line in lines:
        if match := _OTHER_PYTHON.search(line):
            return f"what is asked for is not made for this version of Python (passed over: {match['versions']})", [line]
    return "", []


def find_missing_packages(lines: list[str]) -> tuple[list[str], list[str]]:
    """Return the Debian packages that were missing for a build, each once, and the lines that show it."""
    needed: dict[str, None] = {}
    evidence = []
    for line in lines:
        for pattern, packages in _KNOWN:
            if pattern.search(line):
                needed.update(dict.fromkeys(packages))
                evidence.append(line)
    return list(needed), evidence


def _name_broken(lines: list[str]) -> str:
    found = [match["name"] for line in lines if (match := _BROKEN.search(line))]
    return found[0] if found else "a package that has no wheel for this Python"


def _indent(lines: list[str]) -> str:
    return "\n".join(f"  {line}" if len(line) <= _LONGEST_SHOWN else f"  {line[:_LONGEST_SHOWN]}…" for line in lines)
