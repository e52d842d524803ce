# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Debian packages that packages of Python need, to be built or while they run."""

from __future__ import annotations

from collections.abc import Mapping

from ansible_collections.webstack.flask.plugins.plugin_utils._describe.context import Context
from ansible_collections.webstack.flask.plugins.plugin_utils._describe.findings import LIKELY, Findings

_COMPILER = ("build-essential", "python3-dev")

_TO_BUILD: Mapping[str, tuple[str, ...]] = {
    # These have no wheels for Linux, or none that Debian's Python takes.
    "bjoern": (*_COMPILER, "libev-dev"),
    "dlib": (*_COMPILER, "cmake"),
    "face-recognition": (*_COMPILER, "cmake"),
    "gdal": (*_COMPILER, "libgdal-dev"),
    "gssapi": (*_COMPILER, "libkrb5-dev"),
    "mysqlclient": (*_COMPILER, "default-libmysqlclient-dev", "pkg-config"),
    "netifaces": _COMPILER,
    "psycopg2": (*_COMPILER, "libpq-dev"),
    "pyaudio": (*_COMPILER, "portaudio19-dev"),
    "pycairo": (*_COMPILER, "libcairo2-dev", "pkg-config"),
    "pycurl": (*_COMPILER, "libcurl4-openssl-dev", "libssl-dev"),
    "pygobject": (*_COMPILER, "libcairo2-dev", "libgirepository1.0-dev", "pkg-config"),
    "pygraphviz": (*_COMPILER, "graphviz", "libgraphviz-dev"),
    "pykerberos": (*_COMPILER, "libkrb5-dev"),
    "pysqlcipher3": (*_COMPILER, "libsqlcipher-dev"),
    "python-ldap": (*_COMPILER, "libldap-dev", "libsasl2-dev"),
    "flask-mysqldb": (*_COMPILER, "default-libmysqlclient-dev", "pkg-config"),
    "django-auth-ldap": (*_COMPILER, "libldap-dev", "libsasl2-dev"),
    "rcssmin": _COMPILER,
    "systemd-python": (*_COMPILER, "libsystemd-dev", "pkg-config"),
    "uwsgi": _COMPILER,
}
"""What has to be compiled on the machine."""

_TO_RUN: Mapping[str, tuple[str, ...]] = {
    # Names that both Debians have: a library that Debian 13 calls otherwise comes with a program that needs it.
    "cairocffi": ("libcairo2",),
    "cairosvg": ("libcairo2",),
    "camelot-py": ("ghostscript",),
    "ffmpeg-python": ("ffmpeg",),
    "graphviz": ("graphviz",),
    "moviepy": ("ffmpeg",),
    "ocrmypdf": ("tesseract-ocr", "ghostscript"),
    "opencv-contrib-python": ("libgl1", "libglib2.0-bin"),
    "opencv-python": ("libgl1", "libglib2.0-bin"),
    "pdf2image": ("poppler-utils",),
    "pydub": ("ffmpeg",),
    "pyenchant": ("libenchant-2-2",),
    "pyodbc": ("unixodbc",),
    "pypandoc": ("pandoc",),
    "pytesseract": ("tesseract-ocr",),
    "python-magic": ("file",),
    "pyzbar": ("zbar-tools",),
    "wand": ("imagemagick",),
    "weasyprint": ("libpango-1.0-0", "libpangoft2-1.0-0", "libharfbuzz-subset0"),
    "flask-weasyprint": ("libpango-1.0-0", "libpangoft2-1.0-0", "libharfbuzz-subset0"),
    "django-weasyprint": ("libpango-1.0-0", "libpangoft2-1.0-0", "libharfbuzz-subset0"),
    "gitpython": ("git",),
}
"""What is loaded or called while the app runs."""


def list_packages(names: Mapping[str, str]) -> list[tuple[str, tuple[str, ...], str]]:
    """Return packages of Python with the Debian packages that they need, and why. Extras are by the name of the package."""
    found = []
    for name, extras in sorted(names.items()):
        if name in _TO_BUILD:
            found.append((name, _TO_BUILD[name], "is compiled on the machine"))
        elif name in _TO_RUN:
            found.append((name, _TO_RUN[name], "needs it while it runs"))
        elif name == "psycopg" and "binary" not in extras and "psycopg-binary" not in names:
            if "c" in extras.split(",") or "psycopg-c" in names:
                found.append((name, (*_COMPILER, "libpq-dev"), "is compiled on the machine"))
            else:
                found.append((name, ("libpq5",), "needs it while it runs, without its extra `binary`"))
    return found


def describe(context: Context, findings: Findings) -> None:
    """Add the Debian packages that the app's dependencies need."""
    for name, packages, why in list_packages(context.dependencies.names):
        findings.add("dependencies.build_packages", list(packages), f"{name} {why}: {' '.join(packages)}", LIKELY)
