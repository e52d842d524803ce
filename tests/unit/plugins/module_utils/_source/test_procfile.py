"""A Procfile is read line by line, and what it cannot mean is named by its line."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._source.procfile import Procfile, parse, read_procfile, require_processes


def test_each_line_is_a_name_and_a_command_as_it_stands() -> None:
    text = "# of today\r\nweb: gunicorn app:app\r\n\r\n  # more\nworker-2_a:celery -A shop worker -Q 'a: b' | tee x # y\t \nA:\tb"
    found = parse(text)
    assert [tuple(line) for line in found.lines] == [
        (2, "web", "gunicorn app:app"),
        (5, "worker-2_a", "celery -A shop worker -Q 'a: b' | tee x # y"),
        (6, "A", "b"),
    ]
    assert found.problems == []


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("worker: b", "names `worker` again, after line 1"),
        ("Worker: b", "names `Worker` again, after line 1"),
        ("<<<<<<< HEAD", "a mark of a merge that was not ended"),
        ("=======", "a mark of a merge that was not ended"),
        (">>>>>>> fix: it", "a mark of a merge that was not ended"),
        ("||||||| 0123456", "a mark of a merge that was not ended"),
        ("nonsense", "a line is `<name>: <command>`"),
        ("  mail: x", "beginning at the margin"),
        ("my mail: x", "a line is `<name>: <command>`"),
        ("mail : x", "a line is `<name>: <command>`"),
        ("- mail: x", "a line is `<name>: <command>`"),
        ("mail.a: x", "a line is `<name>: <command>`"),
        (": x", "a line is `<name>: <command>`"),
        ("mail:", "without a command"),
        ("mail:   ", "without a command"),
        ("mail: celery \\", "a command is one line"),
        ('mail: "celery -A shop worker"', "take them off"),
        ("mail: 'celery worker'", "take them off"),
        ("mail: x\x1b[2J", "a character that nobody sees"),
        ("mail: x\u200by", "a character that nobody sees"),
        ("mail: x\u00a0y", "a character that nobody sees"),
        ("mail: x\ry", "a character that nobody sees"),
        ("mail: x\0", "a character that nobody sees"),
        ("mail: echo {{ lookup('pipe', 'id') }}", "which Ansible would take for its own"),
        ("mail: echo {% raw %}", "which Ansible would take for its own"),
        ("mail: echo ${#x}", "which Ansible would take for its own"),
    ],
)
def test_what_a_line_cannot_mean_is_named_by_its_number(line: str, problem: str) -> None:
    found = parse(f"worker: a\n{line}\nlast: z\n")
    (told,) = found.problems
    assert told.startswith("line 2 ")
    assert problem in told
    assert "lookup" not in told
    assert "{%" not in told
    assert [line.name for line in found.lines] == ["worker", "last"]


def test_quotes_within_a_command_and_values_of_its_variables_are_its_own() -> None:
    text = "a: 'x'\nb: \"x y\" z\nc: python -c 'a b'\nd: X='a b' y\ne: echo ${X:-1} }} }\nf: 'a' 'b c'"
    assert parse(text).problems == []


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("web: x", "web"),
        ("Web: x", "web"),
        ("wsgi: app:app", "web"),
        ("release: x", "release"),
        ("worker: x", "process"),
        ("clock: x", "process"),
        ("cron: python cron.py", "process"),
        ("cron: 0 4 * * * x", "cron"),
        ("cron_2: @daily x y", "cron"),
        ("nightly: */5 * * jan mon-fri x", "cron"),
        ("mail: @daily x", "process"),
        ("webhooks: x", "process"),
        ("console: flask shell", "other"),
        ("static: /x", "other"),
    ],
)
def test_what_a_line_is_follows_from_its_name_and_the_times_of_a_crontab(line: str, kind: str) -> None:
    (read,) = parse(line).lines
    assert read.kind == kind


def test_a_procfile_survives_the_way_from_the_host() -> None:
    found = parse("web: x\ny\nworker: z")
    assert Procfile.of(found.to_result()) == found


def test_only_a_file_of_the_build_is_read(tmp_path: Path) -> None:
    build = tmp_path / "build"
    build.mkdir()
    assert read_procfile(build) is None
    (tmp_path / "secret").write_text("a: b", encoding="utf-8")
    (build / "Procfile").symlink_to("../secret")
    assert read_procfile(build) is None
    (build / "Procfile").unlink()
    (build / "Procfile").mkdir()
    assert read_procfile(build) is None
    (build / "Procfile").rmdir()
    (build / "Procfile").write_bytes(b"\xef\xbb\xbfweb: x\n")
    assert read_procfile(build) == Procfile([(1, "web", "x")], [])  # type: ignore[list-item]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("web: x\n".encode("utf-16"), "line 1 is no text in UTF-8; save the file in that encoding"),
        ("web: x\nmail: é".encode("latin-1"), "line 2 is no text in UTF-8; save the file in that encoding"),
        (b"#" * 70_000, "it has more than 64 KiB"),
    ],
)
def test_a_file_that_is_no_text_is_told(tmp_path: Path, content: bytes, problem: str) -> None:
    (tmp_path / "Procfile").write_bytes(content)
    assert read_procfile(tmp_path) == Procfile([], [problem])


def test_processes_are_taken_only_from_a_procfile_that_can_be_read_and_whose_names_are_possible() -> None:
    require_processes(parse("web: x\nWEB_2-long-name-that-has-no-end: 0 4 * * * x\nworker: y"))
    with pytest.raises(UserError) as caught:
        require_processes(parse("web: x\nfoo\nMailer: y\n2nd: z\nworker: y\nworker: y"))
    for problem in ("line 2 is `foo`", "line 3 names `Mailer`; allowed are", "line 4 names `2nd`;", "line 6 names `worker` again"):
        assert problem in str(caught.value)
    assert str(caught.value).startswith("`processes: Procfile` takes the processes from the source, whose Procfile says what cannot be")
    for text, problem in (("web: x\nrelease: y", "whose Procfile has none, but web, release; take the key out"), ("# x", "has none; take")):
        with pytest.raises(UserError, match=problem):
            require_processes(parse(text))
    with pytest.raises(UserError, match="there is no file with that very name at its top, Procfile"):
        require_processes(None)


def test_what_takes_long_to_read_is_not_read() -> None:
    assert parse("web: " + "$(" * 2100 + ")" * 2100).problems == [
        "line 1 has more than 4096 characters; put the command into a script of the source"
    ]
    many = parse("".join(f"a{number}: b\n" for number in range(5000)))
    assert many.problems == ["it has more than 100 lines"]
    assert len(many.lines) == 100
    assert parse("web: " + "x" * 4091).problems == []
