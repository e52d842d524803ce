# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which Debian package has a shared library or a program that an app misses while it runs.

Names are those of Debian 12. Where Debian 13 calls a package otherwise, mostly for the move to 64-bit times, its name is there, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

_LIBRARIES: Mapping[str, str] = {
    # What stands between `lib` and `.so` in the name of a library, and the package.
    "EGL": "libegl1",
    "GL": "libgl1",
    "ICE": "libice6",
    "SM": "libsm6",
    "X11": "libx11-6",
    "Xcomposite": "libxcomposite1",
    "Xcursor": "libxcursor1",
    "Xdamage": "libxdamage1",
    "Xext": "libxext6",
    "Xfixes": "libxfixes3",
    "Xi": "libxi6",
    "Xrandr": "libxrandr2",
    "Xrender": "libxrender1",
    "Xss": "libxss1",
    "Xtst": "libxtst6",
    "aio": "libaio1",
    "archive": "libarchive13",
    "asound": "libasound2",
    "atk-1.0": "libatk1.0-0",
    "atk-bridge-2.0": "libatk-bridge2.0-0",
    "atomic": "libatomic1",
    "atspi": "libatspi2.0-0",
    "augeas": "libaugeas0",
    "blas": "libblas3",
    "cairo": "libcairo2",
    "cups": "libcups2",
    "curl": "libcurl4",
    "curl-gnutls": "libcurl3-gnutls",
    "dbus-1": "libdbus-1-3",
    "dmtx": "libdmtx0b",
    "drm": "libdrm2",
    "enchant-2": "libenchant-2-2",
    "espeak-ng": "libespeak-ng1",
    "exslt": "libxslt1.1",
    "fontconfig": "libfontconfig1",
    "freetype": "libfreetype6",
    "fribidi": "libfribidi0",
    "gbm": "libgbm1",
    "gdal": "libgdal-dev",
    "gdk_pixbuf-2.0": "libgdk-pixbuf-2.0-0",
    "geos": "libgeos-dev",
    "geos_c": "libgeos-c1v5",
    "gfortran": "libgfortran5",
    "girepository-1.0": "libgirepository-1.0-1",
    "git2": "libgit2-dev",
    "glib-2.0": "libglib2.0-0",
    "glpk": "libglpk40",
    "gmp": "libgmp10",
    "gobject-2.0": "libglib2.0-0",
    "gio-2.0": "libglib2.0-0",
    "gomp": "libgomp1",
    "gpgme": "libgpgme11",
    "gs": "libgs10",
    "gssapi_krb5": "libgssapi-krb5-2",
    "gthread-2.0": "libglib2.0-0",
    "gtk-3": "libgtk-3-0",
    "harfbuzz": "libharfbuzz0b",
    "harfbuzz-subset": "libharfbuzz-subset0",
    "hdf5_serial": "libhdf5-dev",
    "heif": "libheif1",
    "imagequant": "libimagequant0",
    "jemalloc": "libjemalloc2",
    "jpeg": "libjpeg62-turbo",
    "krb5": "libkrb5-3",
    "lapack": "liblapack3",
    "lcms2": "liblcms2-2",
    "ldap": "libldap-2.5-0",
    "lber": "libldap-2.5-0",
    "lept": "liblept5",
    "leveldb": "libleveldb1d",
    "lmdb": "liblmdb0",
    "MagickWand-6.Q16": "libmagickwand-6.q16-6",
    "MagickWand-7.Q16": "libmagickwand-7.q16-10",
    "magic": "libmagic1",
    "mariadb": "libmariadb3",
    "memcached": "libmemcached11",
    "mpv": "libmpv2",
    "nspr4": "libnspr4",
    "nss3": "libnss3",
    "numa": "libnuma1",
    "odbc": "libodbc2",
    "openblas": "libopenblas0",
    "openjp2": "libopenjp2-7",
    "opus": "libopus0",
    "pango-1.0": "libpango-1.0-0",
    "pangocairo-1.0": "libpangocairo-1.0-0",
    "pangoft2-1.0": "libpangoft2-1.0-0",
    "pcap": "libpcap0.8",
    "pixman-1": "libpixman-1-0",
    "png16": "libpng16-16",
    "portaudio": "libportaudio2",
    "pq": "libpq5",
    "proj": "libproj25",
    "pulse": "libpulse0",
    "quadmath": "libquadmath0",
    "raqm": "libraqm0",
    "rdkafka": "librdkafka1",
    "rsvg-2": "librsvg2-2",
    "sasl2": "libsasl2-2",
    "snappy": "libsnappy1v5",
    "sndfile": "libsndfile1",
    "snmp": "libsnmp40",
    "sodium": "libsodium23",
    "spatialindex": "libspatialindex-dev",
    "spatialindex_c": "libspatialindex-dev",
    "spatialite": "libsqlite3-mod-spatialite",
    "sqlite3": "libsqlite3-0",
    "sybdb": "libsybdb5",
    "tbb": "libtbb12",
    "tcl8.6": "libtcl8.6",
    "tcmalloc": "libgoogle-perftools4",
    "tesseract": "libtesseract5",
    "tiff": "libtiff6",
    "tk8.6": "libtk8.6",
    "unwind": "libunwind8",
    "usb-1.0": "libusb-1.0-0",
    "vips": "libvips42",
    "vips-cpp": "libvips42",
    "webp": "libwebp7",
    "webpmux": "libwebpmux3",
    "xcb": "libxcb1",
    "xkbcommon": "libxkbcommon0",
    "xml2": "libxml2",
    "xmlsec1": "libxmlsec1",
    "xmlsec1-openssl": "libxmlsec1-openssl",
    "xslt": "libxslt1.1",
    "yajl": "libyajl2",
    "yaml-0": "libyaml-0-2",
    "zbar": "libzbar0",
}

_PROGRAMS: Mapping[str, str] = {
    "7z": "p7zip-full",
    "antiword": "antiword",
    "chromedriver": "chromium-driver",
    "chromium": "chromium",
    "convert": "imagemagick",
    "curl": "curl",
    "cwebp": "webp",
    "dot": "graphviz",
    "exiftool": "libimage-exiftool-perl",
    "ffmpeg": "ffmpeg",
    "ffprobe": "ffmpeg",
    "file": "file",
    "geckodriver": "firefox-esr",
    "gifsicle": "gifsicle",
    "git": "git",
    "gpg": "gnupg",
    "gs": "ghostscript",
    "identify": "imagemagick",
    "inkscape": "inkscape",
    "java": "default-jre-headless",
    "jpegoptim": "jpegoptim",
    "libreoffice": "libreoffice-writer-nogui",
    "magick": "imagemagick",
    "mediainfo": "mediainfo",
    "mogrify": "imagemagick",
    "msgfmt": "gettext",
    "mysql": "default-mysql-client",
    "mysqldump": "default-mysql-client",
    "node": "nodejs",
    "nodejs": "nodejs",
    "npm": "npm",
    "optipng": "optipng",
    "pandoc": "pandoc",
    "pdfinfo": "poppler-utils",
    "pdflatex": "texlive-latex-base",
    "pdftk": "pdftk-java",
    "pdftocairo": "poppler-utils",
    "pdftoppm": "poppler-utils",
    "pdftotext": "poppler-utils",
    "pg_dump": "postgresql-client",
    "pg_restore": "postgresql-client",
    "ping": "iputils-ping",
    "pngquant": "pngquant",
    "psql": "postgresql-client",
    "qpdf": "qpdf",
    "redis-cli": "redis-tools",
    "rsvg-convert": "librsvg2-bin",
    "rsync": "rsync",
    "soffice": "libreoffice-writer-nogui",
    "sox": "sox",
    "sqlite3": "sqlite3",
    "ssh": "openssh-client",
    "tesseract": "tesseract-ocr",
    "unrar": "unrar-free",
    "unzip": "unzip",
    "wget": "wget",
    "wkhtmltoimage": "wkhtmltopdf",
    "wkhtmltopdf": "wkhtmltopdf",
    "xvfb-run": "xvfb",
    "zip": "zip",
}

_OTHERWISE: Mapping[str, str] = {
    "libaio1": "libaio1t64",
    "libarchive13": "libarchive13t64",
    "libasound2": "libasound2t64",
    "libatk-bridge2.0-0": "libatk-bridge2.0-0t64",
    "libatk1.0-0": "libatk1.0-0t64",
    "libatspi2.0-0": "libatspi2.0-0t64",
    "libcups2": "libcups2t64",
    "libcurl3-gnutls": "libcurl3t64-gnutls",
    "libcurl4": "libcurl4t64",
    "libdmtx0b": "libdmtx0t64",
    "libgeos-c1v5": "libgeos-c1t64",
    "libglib2.0-0": "libglib2.0-0t64",
    "libgoogle-perftools4": "libgoogle-perftools4t64",
    "libgpgme11": "libgpgme11t64",
    "libgtk-3-0": "libgtk-3-0t64",
    "libldap-2.5-0": "libldap2",
    "liblept5": "libleptonica6",
    "libmagic1": "libmagic1t64",
    "libmagickwand-6.q16-6": "libmagickwand-7.q16-10",
    "libmemcached11": "libmemcached11t64",
    "libpcap0.8": "libpcap0.8t64",
    "libpng16-16": "libpng16-16t64",
    "libsnmp40": "libsnmp40t64",
    "libvips42": "libvips42t64",
    "libxmlsec1": "libxmlsec1t64",
    "libxmlsec1-openssl": "libxmlsec1t64-openssl",
    "libzbar0": "libzbar0t64",
    "wkhtmltopdf": "",
}
"""What Debian 13 calls a package; nothing where it has none."""

_SONAME = r"lib(?P<name>[A-Za-z][A-Za-z0-9_.+-]{0,60}?)"
_ENDS = r"(?:[-.]?\d+(?:\.\d+)*)?"
_UNLOADED = (
    # The dynamic linker; ctypes and cffi, which try several names; and what packages say in words of their own.
    re.compile(rf"\b{_SONAME}\.so(?:\.[0-9A-Za-z.]+)?['\"]?: cannot open shared object file", re.ASCII),
    re.compile(rf"cannot load library ['\"]?{_SONAME}(?:\.so[0-9.]*)?{_ENDS}['\"]?(?:[:\s]|$)", re.ASCII),
    re.compile(rf"(?:failed to find|[Cc]ould not find|[Cc]annot find|[Uu]nable to find|can't find) {_SONAME}\b(?![.-]\w)", re.ASCII),
    re.compile(rf"{_SONAME} (?:library|shared library) (?:was )?not found", re.ASCII),
    re.compile(rf"[Nn]o library called ['\"](?:lib)?(?P<name>[A-Za-z][A-Za-z0-9_.+-]{{0,60}}?){_ENDS}['\"] was found", re.ASCII),
    re.compile(
        r"(?:[Cc]ould not find (?:the )?|[Uu]nable to find |(?:The )?['\"]?)"
        r"(?P<name>\w{2,30})['\"]? (?:C |shared )?library(?: (?:was )?not found| \(|\. |$)",
        re.ASCII,
    ),
    re.compile(r"[Uu]nable to find (?P<name>\w{2,30}) shared library", re.ASCII),
)
_SAID_OTHERWISE: Mapping[str, str] = {
    "GDAL": "gdal",
    "GEOS": "geos_c",
    "PROJ": "proj",
    "PortAudio": "portaudio",
    "enchant": "enchant-2",
    "MagickWand": "MagickWand-6.Q16",
    "mysqlclient": "mariadb",
    "augeas": "augeas",
    "yaml": "yaml-0",
}

_UNFOUND = (
    re.compile(r"No such file or directory: b?['\"](?P<name>[a-z0-9][A-Za-z0-9_.-]{0,30})['\"]", re.ASCII),
    re.compile(r"(?:^|[\s/])(?:ba|da)?sh: (?:line )?\d+: (?:exec: )?(?P<name>[a-z0-9][A-Za-z0-9_.-]{0,30}): not found", re.ASCII),
    re.compile(r"[Nn]o (?P<name>[a-z0-9]\w{0,30}) executable found", re.ASCII),
    re.compile(r"(?P<name>[a-z0-9]\w{0,30}) is not installed or it's not in your PATH", re.ASCII),
    re.compile(r"failed to execute (?:\w+\(|\[)?b?['\"](?P<name>[a-z0-9]\w{0,30})['\"]", re.ASCII),
)
_SAID_IN_WORDS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"Is poppler installed and in PATH"), "poppler-utils"),
    (re.compile(r"Couldn't find ff(?:mpeg|probe) or av"), "ffmpeg"),
    (re.compile(r"GhostscriptNotFound|Ghostscript (?:is )?not (?:found|installed)", re.IGNORECASE), "ghostscript"),
    (re.compile(r"`?java`? command is not found|[Nn]o Java runtime|JAVA_HOME is not set"), "default-jre-headless"),
    (re.compile(r"Could not find a suitable TLS CA certificate bundle"), "ca-certificates"),
    (re.compile(r"unsupported locale setting"), "locales-all"),
    (re.compile(r"No time zone found with key"), "tzdata"),
    (re.compile(r"Namespace Pango not available"), "gir1.2-pango-1.0"),
    (re.compile(r"Namespace Gtk not available"), "gir1.2-gtk-3.0"),
    (re.compile(r"Namespace Poppler not available"), "gir1.2-poppler-0.18"),
    (re.compile(r"Namespace GdkPixbuf not available"), "gir1.2-gdkpixbuf-2.0"),
)


def find_missing_parts(line: str) -> Iterator[tuple[str, str]]:
    """Yield what a line says that the app did not find, and the Debian package that has it, or nothing if that is not known."""
    for pattern in _UNLOADED:
        match = pattern.search(line)
        if match is None:
            continue
        package, is_said_as_file = _find_library(match["name"]), pattern in _UNLOADED[:1]
        if package or is_said_as_file:
            yield f"lib{match['name']}", package
            return
    for pattern in _UNFOUND:
        if (match := pattern.search(line)) and (package := _PROGRAMS.get(match["name"], "")):
            yield match["name"], package
            return
    for pattern, package in _SAID_IN_WORDS:
        if pattern.search(line):
            yield "", package
            return


def _find_library(name: str) -> str:
    name = _SAID_OTHERWISE.get(name, name)
    # cffi and ctypes are told `gobject-2.0-0` for libgobject-2.0.so.0, and `pango-1` for libpango-1.0.so.0.
    shorter = re.sub(r"-\d+$", "", name)
    return next((_LIBRARIES[known] for known in (name, shorter, f"{shorter}-1.0", f"{shorter}-2.0") if known in _LIBRARIES), "")


def describe_package(package: str) -> str:
    """Return the line to write for a package, and what it is on Debian 13 where that has another name for it."""
    line = f"`dependencies: {{build_packages: [{package}]}}`"
    if package not in _OTHERWISE:
        return line
    return f"{line} (Debian 13: {f'`[{_OTHERWISE[package]}]`' if _OTHERWISE[package] else 'has no such package'})"
