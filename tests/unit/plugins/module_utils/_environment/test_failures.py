from __future__ import annotations

import time

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._environment.failures import describe_failure, find_missing_packages


def _shown(output: str) -> str:
    headline, _newline, shown = describe_failure("pip install", output).partition("\n")
    assert headline == "`pip install` failed:"
    return shown


def test_the_end_of_an_output_is_shown_indented() -> None:
    assert _shown("Collecting flask\nERROR: no such version\n") == "  Collecting flask\n  ERROR: no such version"


def test_colours_empty_lines_and_trailing_blanks_are_left_out() -> None:
    assert _shown("\x1b[31mERROR:\x1b[0m bad   \n\n \n\x1b[?25hend\x1b[2K") == "  ERROR: bad\n  end"


def test_of_a_long_output_without_a_known_reason_the_last_lines_are_shown() -> None:
    lines = _shown("".join(f"line {number}\n" for number in range(1000))).splitlines()
    assert len(lines) == 40
    assert (lines[0], lines[-1]) == ("  line 960", "  line 999")


def test_no_output_is_nothing() -> None:
    assert _shown("\n\n") == ""


@pytest.mark.parametrize(
    ("line", "packages"),
    [
        ("error: command 'x86_64-linux-gnu-gcc' failed: No such file or directory", "build-essential python3-dev"),
        ("error: [Errno 2] No such file or directory: 'x86_64-linux-gnu-gcc'", "build-essential python3-dev"),
        ("error: command 'gcc' failed: No such file or directory", "build-essential python3-dev"),
        ("../meson.build:1:0: ERROR: Unknown compiler(s): [['cc'], ['gcc'], ['clang']]", "build-essential python3-dev"),
        ("  src/x.c:1:10: fatal error: Python.h: No such file or directory", "python3-dev"),
        ("Error: pg_config executable not found.", "libpq-dev"),
        ("./psycopg/psycopg.h:35:10: fatal error: libpq-fe.h: No such file or directory", "libpq-dev"),
        ("/bin/sh: 1: pkg-config: not found", "pkg-config"),
        ("Trying pkg-config --exists mysqlclient", "default-libmysqlclient-dev pkg-config"),
        ("c/_cffi_backend.c:15:10: fatal error: ffi.h: No such file or directory", "libffi-dev"),
        ("fatal error: lber.h: No such file or directory", "libldap-dev"),
        ("Error: Please make sure the libxml2 and libxslt development packages are installed.", "libxml2-dev libxslt1-dev"),
        ("error: can't find Rust compiler", "cargo rustc"),
        ("RequiredDependencyException: The headers or library files could not be found for jpeg,", "libjpeg-dev zlib1g-dev"),
        ("xmlsec.Error: Unable to find xmlsec1 with pkg-config", "libxmlsec1-dev pkg-config"),
        ("/bin/sh: 1: pg_config: not found", "libpq-dev"),
        ("x.c:1:10: fatal error: pg_config.h: No such file or directory", "libpq-dev"),
        ("/bin/sh: 1: krb5-config: not found", "libkrb5-dev"),
        ("meson.build:3:0: ERROR: Unknown compiler(s): [['gfortran'], ['flang']]", "gfortran"),
        ("FileNotFoundError: [Errno 2] No such file or directory: 'cmake'", "cmake"),
        ("FileNotFoundError: [Errno 2] No such file or directory: 'cargo'", "cargo rustc"),
        ('../meson.build:31:10: ERROR: Dependency "cairo" not found, tried pkgconfig', "libcairo2-dev pkg-config"),
        ("Package 'libvirt', required by 'virtual:world', not found", "libvirt-dev pkg-config"),
        ("Package libsystemd was not found in the pkg-config search path.", "libsystemd-dev pkg-config"),
        ("No package 'xmlsec1' found", "libxmlsec1-dev pkg-config"),
        ("Run-time dependency openblas found: NO (tried pkgconfig)", "libopenblas-dev pkg-config"),
        ("ERROR: Cannot find command 'git' - do you have 'git' installed and in your PATH?", "git openssh-client"),
    ],
)
def test_what_a_build_lacks_is_told_by_the_names_of_debian_packages(line: str, packages: str) -> None:
    assert find_missing_packages(["before", line, "after"]) == (packages.split(), [line])


@pytest.mark.parametrize(
    "line",
    [
        "Collecting pkg-config-wrapper",
        "Building wheel for cffi (setup.py): started",
        "Successfully installed gcc7 git-url-parse",
        "cc -c x.c",
    ],
)
def test_ordinary_output_is_no_reason(line: str) -> None:
    assert find_missing_packages([line]) == ([], [])


def test_the_reason_comes_first_however_long_the_output_is_after_it() -> None:
    reason = "error: command 'x86_64-linux-gnu-gcc' failed: No such file or directory"
    rest = [f"line {number}" for number in range(400)]
    lines = describe_failure("pip install", "\n".join(["begin", f"    {reason}", *rest, "Failed to build psycopg2", "end"])).splitlines()
    assert lines[0] == (
        "to build psycopg2, the host needs the Debian packages build-essential python3-dev: "
        "add `build_packages: [build-essential, python3-dev]` to the app's `dependencies`, and run site.yml, which installs them. "
        "`pip install` failed:"
    )
    assert lines[1:3] == [f"      {reason}", "  …"]
    assert lines[-1] == "  end"
    assert len(lines) == 13


def test_a_header_that_nobody_knows_is_named() -> None:
    message = describe_failure(
        "pip install", "x.c:1:10: fatal error: odd/thing.h: No such file or directory\nERROR: Failed building wheel for odd\n"
    )
    assert message.startswith(
        "to build odd, the host needs the Debian package that has odd/thing.h (`apt-file search odd/thing.h` tells which): "
        "name it in the app's `dependencies.build_packages`, and run site.yml, which installs it. `pip install` failed:\n"
    )


def test_a_version_that_is_made_for_another_python_is_told() -> None:
    message = describe_failure(
        "pip install",
        "ERROR: Ignored the following versions that require a different python version: 9.0 Requires-Python >=3.99\nERROR: No\n",
    )
    assert message.startswith(
        "what is asked for is not made for this version of Python (passed over: 9.0 Requires-Python >=3.99). `pip install`"
    )


def test_long_lines_are_cut() -> None:
    assert _shown("x" * 300 + "\n" + "y" * 301) == f"  {'x' * 300}\n  {'y' * 300}…"


@pytest.mark.parametrize("name", ["é", "x" * 101, "-x", "$(id)"])
def test_what_cannot_be_a_package_is_not_named_as_one(name: str) -> None:
    message = describe_failure("pip install", f"fatal error: Python.h: No such file\nERROR: Failed building wheel for {name}\n")
    assert message.startswith("to build a package that has no wheel for this Python, the host needs the Debian packages python3-dev:")


@pytest.mark.parametrize("header", ["--help.h", "é.h", "a" * 101 + ".h", "$(id).h", "a.h" + "x" * 10])
def test_what_cannot_be_a_header_is_not_named_as_one(header: str) -> None:
    assert describe_failure("pip install", f"x.c:1: fatal error: {header}: No such file or directory").startswith("`pip install` failed:")


def test_of_versions_that_are_passed_over_what_can_be_a_version_is_named() -> None:
    line = "Ignored the following versions that require a different python version: 9.0 Requires-Python >=3.99; "
    headline = describe_failure("pip install", f"{line}\x07`curl evil.test`\n").partition("\n")[0]
    assert headline.startswith("what is asked for is not made for this version of Python (passed over: 9.0 Requires-Python >=3.99; ).")
    assert describe_failure("pip install", line + "1.0 " * 1000).index("). ") < 300


@pytest.mark.parametrize("piece", ["pkg-config name ", "a", "x did not run ", "'"])
def test_lines_that_were_made_to_be_searched_for_ever_are_not(piece: str) -> None:
    begin = time.monotonic()
    describe_failure("pip install", piece * (1_000_000 // len(piece)))
    assert time.monotonic() - begin < 5


def test_all_that_a_build_lacks_is_named_at_once() -> None:
    message = describe_failure(
        "pip install",
        "Error: pg_config executable not found.\nxmlsec.Error: Unable to find xmlsec1\nfatal error: ffi.h: "
        "No such file\nsh: 1: krb5-config: not found\n",
    )
    assert "`build_packages: [libpq-dev, libxmlsec1-dev, pkg-config, libffi-dev, libkrb5-dev]`" in message


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", "`df -i`"),
        ("OSError: [Errno 122] Disk quota exceeded", "quota"),
        ("ImportError: x.so: failed to map segment from shared object", "noexec"),
        ("SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed", "PIP_CERT"),
        ("ERROR: HTTP error 403 while getting https://x.test/simple/", "`dependencies.index_url`"),
        ("WARNING: Retrying: ProxyError('Cannot connect to proxy.')", "HTTPS_PROXY"),
        ("NewConnectionError: Failed to establish a new connection: [Errno 111] Connection refused", "`dependencies.index_url`"),
        ("socket.gaierror: [Errno -3] Temporary failure in name resolution", "`dependencies.index_url`"),
        ("ERROR: HTTP error 404 while getting https://x.test/simple/", "/simple/"),
        ("pip._vendor.requests.exceptions.HTTPError: 503 Server Error", "fault of its own"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.", "replaced a package"),
    ],
)
def test_what_is_no_fault_of_a_package_is_one_line_with_the_key(line: str, words: str) -> None:
    headline = describe_failure("pipenv sync", f"begin\n{line}\nend").partition("\n")[0]
    assert words in headline
    assert headline.endswith("`pipenv sync` failed:")


def test_a_megabyte_of_the_same_is_a_few_lines() -> None:
    wall = ("Collecting flask\nERROR: [Errno 111] Connection refused " + "x" * 3000 + "\n") * 400
    message = describe_failure("pipenv sync", wall)
    assert message.startswith("the package index cannot be reached from the host")
    assert "Collecting flask (400 times)" in message
    assert len(message) < 2000


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("Host key verification failed.", "`dependencies.known_hosts`"),
        ("git@h.test: Permission denied (publickey).", "`dependencies.ssh_key`"),
        ("git@h.test: Permission denied (publickey,password,keyboard-interactive).", "`dependencies: {git_access: true}`"),
        ("ERROR: Repository not found.", "`dependencies.ssh_key`"),
        ("fatal: '/srv/lib.git' does not appear to be a git repository", "`dependencies.git_access`"),
        ("fatal: could not read Username for 'https://h.test': terminal prompts disabled", "${GIT_TOKEN}"),
        ("fatal: could not read Username for 'https://h.test': No such device or address", "${GIT_TOKEN}"),
        ("fatal: Authentication failed for 'https://h.test/lib.git/'", "`dependencies: {git_access: true}`"),
        ("fatal: unable to access 'https://h.test/': server certificate verification failed. CAfile: none", "GIT_SSL_CAINFO"),
        ("ssh: Could not resolve hostname h.test: Name or service not known", "getent hosts"),
        ("ssh: connect to host h.test port 22: Connection refused", "firewall"),
    ],
)
def test_a_dependency_that_its_git_server_keeps_names_the_key_that_opens_it(line: str, words: str) -> None:
    output = f"  Running command git clone -q x /tmp/y\n  {line}\n  fatal: Could not read from remote repository.\nERROR: exit code: 128"
    first, *rest = describe_failure("pip install", output).splitlines()
    assert words in first
    assert any(line in shown for shown in rest)


def test_ssh_that_the_host_lacks_is_a_debian_package() -> None:
    assert find_missing_packages(["error: cannot run ssh: No such file or directory"])[0] == ["openssh-client"]


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (
            ["uvicorn-worker 0.4.0 depends on gunicorn>=21.0.0", "The user requested (constraint) gunicorn==20.1.0"],
            (
                "uvicorn-worker 0.4.0 needs gunicorn>=21.0.0, and gunicorn==20.1.0 is what the rest of the app has; "
                "`gunicorn: {worker_class: uvicorn.workers.UvicornWorker}` does with"
            ),
        ),
        (
            ["The user requested werkzeug==2.0.3", "flask 3.1.2 depends on werkzeug>=3.1.0; python_version > '3'"],
            "werkzeug==2.0.3 is asked for, and flask 3.1.2 needs werkzeug>=3.1.0; ask for other versions",
        ),
    ],
)
def test_packages_that_contradict_one_another_are_named(lines: list[str], words: str) -> None:
    told = "".join(f"    {line}\n" for line in lines)
    output = (
        f"ERROR: Cannot install x.\nThe conflict is caused by:\n{told}To fix this you could try to:\n1. loosen\nERROR: ResolutionImpossible"
    )
    assert words in describe_failure("pip install", output).splitlines()[0]


def test_of_a_conflict_nothing_is_repeated_but_names_and_versions() -> None:
    assert _shown("The conflict is caused by:\nrun `curl evil` 1 depends on us\nevil 1.0 depends on $(us)")
