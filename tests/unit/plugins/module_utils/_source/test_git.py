from __future__ import annotations

import os
import socket
import subprocess
from pathlib import Path

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._source import bounds, git
from ansible_collections.webstack.flask.plugins.module_utils._source.bounds import Room
from ansible_collections.webstack.flask.plugins.module_utils._source.git import (
    Mirror,
    SshAccess,
    Submodule,
    choose_commit,
    choose_submodules,
    parse_entry,
    parse_settings,
    resolve_submodule_url,
    split_credentials,
)

_LISTING = """\
1111111111111111111111111111111111111111\tHEAD
1111111111111111111111111111111111111111\trefs/heads/main
2222222222222222222222222222222222222222\trefs/heads/feature/main
3333333333333333333333333333333333333333\trefs/heads/both
4444444444444444444444444444444444444444\trefs/tags/both
5555555555555555555555555555555555555555\trefs/tags/v1
6666666666666666666666666666666666666666\trefs/tags/v2
7777777777777777777777777777777777777777\trefs/tags/v2^{}
8888888888888888888888888888888888888888\trefs/pull/5/head
"""


@pytest.mark.parametrize(
    ("version", "digit"),
    [
        ("HEAD", "1"),
        ("main", "1"),
        ("feature/main", "2"),
        ("both", "3"),
        ("v1", "5"),
        ("v2", "7"),
        ("refs/heads/main", "1"),
        ("refs/tags/both", "4"),
        ("refs/pull/5/head", "8"),
    ],
)
def test_a_version_names_a_branch_before_a_tag_and_a_tag_names_its_commit(version: str, digit: str) -> None:
    assert choose_commit(_LISTING, version) == digit * 40


@pytest.mark.parametrize("version", ["", "mai", "feature", "pull/5/head", "v3", "1111111", "*"])
def test_nothing_else_is_a_version(version: str) -> None:
    assert choose_commit(_LISTING, version) is None


class Repository:
    """The remote: a real repository, as somebody else keeps it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.url = f"file://{path}"
        path.mkdir()
        self.git("init", "--quiet", "--initial-branch=main")

    def git(self, *arguments: str) -> str:
        settings = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "tag.gpgSign=false", "-c", "commit.gpgSign=false")
        command = ["git", "-C", str(self.path), *settings, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def commit(self, name: str, text: str) -> str:
        (self.path / name).write_text(text, encoding="utf-8")
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", text or name)
        return self.git("rev-parse", "HEAD")

    def vanish(self) -> None:
        self.path.rename(self.path.with_name("away"))


@pytest.fixture
def remote(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "remote")


@pytest.fixture
def mirror(tmp_path: Path, remote: Repository) -> Mirror:
    return Mirror(tmp_path / "cache/source.git", remote.url)


def _check_out(mirror: Mirror, version: str, directory: Path) -> dict[str, str]:
    commit = mirror.find_commit(version)
    mirror.fetch(commit)
    directory.mkdir()
    mirror.check_out(commit, directory, Room("it"))
    return {str(path.relative_to(directory)): path.read_text(encoding="utf-8") for path in directory.rglob("*") if path.is_file()}


def test_a_branch_a_tag_a_commit_and_head_are_found_and_their_files_written(remote: Repository, mirror: Mirror, tmp_path: Path) -> None:
    first = remote.commit("app.py", "one")
    remote.git("tag", "light")
    remote.git("tag", "--annotate", "--message", "x", "heavy")
    second = remote.commit("app.py", "two")
    remote.git("switch", "--quiet", "--create", "feature/login")
    third = remote.commit("login.py", "three")
    remote.git("switch", "--quiet", "main")

    commits = {version: mirror.find_commit(version) for version in ("HEAD", "main", "light", "heavy", "feature/login", first)}
    assert commits == {"HEAD": second, "main": second, "light": first, "heavy": first, "feature/login": third, first: first}
    assert _check_out(mirror, "main", tmp_path / "1") == {"app.py": "two"}
    assert _check_out(mirror, "heavy", tmp_path / "2") == {"app.py": "one"}
    assert _check_out(mirror, "feature/login", tmp_path / "3") == {"app.py": "two", "login.py": "three"}


def test_only_the_files_are_written_and_no_git_directory(remote: Repository, mirror: Mirror, tmp_path: Path) -> None:
    remote.commit("app.py", "one")
    _check_out(mirror, "main", tmp_path / "build")
    assert [path.name for path in (tmp_path / "build").rglob("*")] == ["app.py"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["build", "cache", "remote"], "nothing is left beside"


def test_programs_and_links_stay_what_they_are(remote: Repository, mirror: Mirror, tmp_path: Path) -> None:
    (remote.path / "run").write_text("#!/bin/sh\n", encoding="utf-8")
    (remote.path / "run").chmod(0o755)
    (remote.path / "link").symlink_to("run")
    _check_out(mirror, remote.commit("app.py", "one"), tmp_path / "build")
    assert os.access(tmp_path / "build/run", os.X_OK)
    assert (tmp_path / "build/link").readlink() == Path("run")


def test_a_commit_that_is_there_is_not_asked_for_again(
    remote: Repository, mirror: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = remote.commit("app.py", "one")
    mirror.fetch(commit)
    remote.vanish()
    trace = tmp_path / "trace"
    monkeypatch.setenv("GIT_TRACE", str(trace))
    assert _check_out(mirror, commit, tmp_path / "build") == {"app.py": "one"}
    assert "checkout-index" in trace.read_text(encoding="utf-8")
    assert "fetch" not in trace.read_text(encoding="utf-8")
    assert "ls-remote" not in trace.read_text(encoding="utf-8")


def test_a_mirror_that_does_not_stay_takes_what_another_has_and_leaves_that_as_it_is(
    remote: Repository, mirror: Mirror, tmp_path: Path
) -> None:
    commit = remote.commit("app.py", "one")
    mirror.fetch(commit)
    remote.vanish()
    before = sorted((path, path.stat().st_mtime_ns) for path in (tmp_path / "cache").rglob("*"))
    borrowing = Mirror(tmp_path / "scratch/source.git", remote.url, reference=tmp_path / "cache/source.git")
    assert _check_out(borrowing, commit, tmp_path / "build") == {"app.py": "one"}
    assert sorted((path, path.stat().st_mtime_ns) for path in (tmp_path / "cache").rglob("*")) == before


def test_no_more_of_the_history_is_fetched_than_the_one_commit(remote: Repository, mirror: Mirror, tmp_path: Path) -> None:
    remote.commit("app.py", "one")
    commit = remote.commit("app.py", "two")
    mirror.fetch(commit)
    counting = ["git", f"--git-dir={tmp_path}/cache/source.git", "rev-list", "--count", commit]
    assert subprocess.run(counting, check=True, capture_output=True, text=True).stdout == "1\n"


def test_the_mirror_is_for_its_owner_alone(remote: Repository, mirror: Mirror, tmp_path: Path) -> None:
    mirror.fetch(remote.commit("app.py", "one"))
    assert (tmp_path / "cache/source.git").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("protocol", ["0", "2"])
def test_an_old_commit_is_found_also_after_a_newer_one_was_fetched_by_itself(
    remote: Repository, mirror: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, protocol: str
) -> None:
    """Servers of the old protocol hand out nothing but the tips of branches and tags by name."""
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "protocol.version")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", protocol)
    old = remote.commit("app.py", "one")
    remote.commit("app.py", "two")
    remote.commit("app.py", "three")
    assert _check_out(mirror, "main", tmp_path / "new") == {"app.py": "three"}
    assert _check_out(mirror, old, tmp_path / "old") == {"app.py": "one"}


def test_a_branch_that_was_rewritten_is_followed(remote: Repository, mirror: Mirror, tmp_path: Path) -> None:
    remote.commit("app.py", "one")
    _check_out(mirror, "main", tmp_path / "1")
    (remote.path / "app.py").write_text("other", encoding="utf-8")
    remote.git("commit", "--quiet", "--all", "--amend", "--message", "other")
    assert _check_out(mirror, "main", tmp_path / "2") == {"app.py": "other"}


def test_a_mirror_that_was_left_by_an_interrupted_run_is_used_as_if_nothing_had_happened(
    remote: Repository, mirror: Mirror, tmp_path: Path
) -> None:
    remote.commit("app.py", "one")
    _check_out(mirror, "main", tmp_path / "1")
    for name in ("shallow.lock", "config.lock", "HEAD.lock", "packed-refs.lock", "refs/heads/main.lock"):
        (tmp_path / "cache/source.git" / name).touch()
    (tmp_path / "cache/source.git/config").unlink()
    remote.commit("app.py", "two")
    assert _check_out(mirror, "main", tmp_path / "2") == {"app.py": "two"}


def test_an_index_left_by_an_interrupted_run_does_not_count(remote: Repository, mirror: Mirror, tmp_path: Path) -> None:
    commit = remote.commit("app.py", "one")
    mirror.fetch(commit)
    (tmp_path / "cache/source.git/checkout.index").write_bytes(b"garbage")
    (tmp_path / "cache/source.git/checkout.index.lock").touch()
    assert _check_out(mirror, commit, tmp_path / "build") == {"app.py": "one"}


def test_a_version_that_the_remote_does_not_have_is_named(remote: Repository, mirror: Mirror) -> None:
    remote.commit("app.py", "one")
    with pytest.raises(UserError) as caught:
        mirror.find_commit("v9")
    assert str(caught.value) == f"{remote.url} has no branch or tag 'v9' (for a commit, give all 40 characters)"


def test_a_commit_that_the_remote_does_not_have_is_named(remote: Repository, mirror: Mirror) -> None:
    remote.commit("app.py", "one")
    with pytest.raises(UserError) as caught:
        mirror.fetch("1" * 40)
    assert str(caught.value).startswith(f"{remote.url} does not give the commit {'1' * 40}: ")


def test_a_remote_that_is_away_is_named_with_git_s_reason(remote: Repository, mirror: Mirror) -> None:
    remote.vanish()
    with pytest.raises(UserError) as caught:
        mirror.find_commit("main")
    assert str(caught.value).startswith(f"git could not read {remote.url}: fatal: ")


def test_a_remote_that_never_answers_is_not_waited_for_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(git, "_TIMEOUT", 3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"git://127.0.0.1:{silent.getsockname()[1]}/a.git"
        mirror = Mirror(tmp_path / "source.git", url)
        with pytest.raises(UserError) as caught:
            mirror.find_commit("main")
        assert str(caught.value) == f"{url}: `git ls-remote` took more than 3 s and was stopped"
        with pytest.raises(UserError, match=r"`git fetch` took more than 3 s and was stopped"):
            mirror.fetch("1" * 40)


@pytest.mark.parametrize("url", ["https://user:hunter2@127.0.0.1:1/a.git", "https://hunter2@127.0.0.1:1/a.git"])
def test_a_password_in_the_address_is_not_told(tmp_path: Path, url: str) -> None:
    mirror = Mirror(tmp_path / "source.git", url)
    for attempt in (lambda: mirror.find_commit("main"), lambda: mirror.fetch("1" * 40)):
        with pytest.raises(UserError) as caught:
            attempt()
        assert "hunter2" not in str(caught.value)
        assert "https://127.0.0.1:1/a.git" in str(caught.value)


def test_an_address_that_looks_like_an_option_is_an_address(tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    mirror = Mirror(tmp_path / "source.git", f"--upload-pack=touch {marker};")
    for attempt in (lambda: mirror.find_commit("main"), lambda: mirror.fetch("1" * 40)):
        with pytest.raises(UserError):
            attempt()
    assert not marker.exists()


def test_an_address_that_is_a_program_is_not_run(tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    with pytest.raises(UserError, match="transport 'ext' not allowed"):
        Mirror(tmp_path / "source.git", f"ext::sh -c touch% {marker}").find_commit("main")
    assert not marker.exists()


def test_no_filter_and_no_hook_that_a_repository_asks_for_is_run(
    remote: Repository, mirror: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / ".gitconfig").write_text('[filter "evil"]\n\tsmudge = tr a-z A-Z\n', encoding="utf-8")
    monkeypatch.setenv("HOME", str(home))
    (remote.path / ".gitattributes").write_text("*.py filter=evil\n", encoding="utf-8")
    commit = remote.commit("app.py", "one")
    assert _check_out(mirror, commit, tmp_path / "build")["app.py"] == "one"


def test_a_git_hook_that_runs_this_does_not_lead_astray(
    remote: Repository, mirror: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = remote.commit("app.py", "one")
    monkeypatch.setenv("GIT_DIR", str(remote.path / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(tmp_path))
    monkeypatch.setenv("GIT_OBJECT_DIRECTORY", str(tmp_path / "objects"))
    assert _check_out(mirror, commit, tmp_path / "build") == {"app.py": "one"}


def test_user_and_password_leave_the_address_for_a_header() -> None:
    assert split_credentials("https://ada:s%40y@git.test/a.git") == ("https://git.test/a.git", "Authorization: Basic YWRhOnNAeQ==")
    assert split_credentials("HTTPS://ada:p@ss@git.test/a@b.git") == ("HTTPS://git.test/a@b.git", "Authorization: Basic YWRhOnBAc3M=")
    for url in ("https://git.test/a.git", "git@git.test:a.git", "ssh://git@git.test/a.git", "file:///srv/a@b.git"):
        assert split_credentials(url) == (url, None)


def test_a_password_is_in_the_arguments_of_no_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = tmp_path / "seen"
    for name in ("git", "git-remote-https"):
        real = subprocess.run(["git", "--exec-path"], capture_output=True, text=True, check=True).stdout.strip()
        program = tmp_path / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(f'#!/bin/sh\necho "$0 $*" >> {seen}\nexec {real}/{name} "$@"\n', encoding="utf-8")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    monkeypatch.setenv("GIT_EXEC_PATH", str(tmp_path / "bin"))
    with pytest.raises(UserError):
        Mirror(tmp_path / "source.git", "https://ada:hunter2@127.0.0.1:1/a.git").find_commit("main")
    assert "127.0.0.1:1/a.git" in seen.read_text(encoding="utf-8")
    assert "hunter2" not in seen.read_text(encoding="utf-8")


def test_ssh_is_told_its_key_and_the_hosts_to_believe_and_never_asks() -> None:
    command = SshAccess(Path("/run/k"), Path("/run/h")).variables()["GIT_SSH_COMMAND"]
    assert command == (
        "ssh -o BatchMode=yes -o StrictHostKeyChecking=yes -o IdentityFile=/run/k -o IdentitiesOnly=yes -o IdentityAgent=none "
        "-o UserKnownHostsFile=/run/h -o GlobalKnownHostsFile=/dev/null"
    )
    assert SshAccess(agent="/tmp/agent").variables() == {  # noqa: S108 - nothing is written there
        "GIT_SSH_COMMAND": "ssh -o BatchMode=yes -o StrictHostKeyChecking=yes",
        "GIT_SSH_VARIANT": "ssh",
        "SSH_AUTH_SOCK": "/tmp/agent",  # noqa: S108 - nothing is written there
    }


@pytest.mark.parametrize(
    ("parent", "relative", "url"),
    [
        ("https://git.test/team/shop.git", "../lib.git", "https://git.test/team/lib.git"),
        ("https://ada:x@git.test/team/shop.git", "../../lib", "https://ada:x@git.test/lib"),
        ("git@git.test:team/shop.git", "../lib.git", "git@git.test:team/lib.git"),
        ("ssh://git@git.test:22/team/shop", "./inner", "ssh://git@git.test:22/team/shop/inner"),
        ("/srv/git/shop", "../lib", "/srv/git/lib"),
        ("file:///srv/git/shop", "../lib", "file:///srv/git/lib"),
    ],
)
def test_a_relative_submodule_is_found_from_the_repository(parent: str, relative: str, url: str) -> None:
    assert resolve_submodule_url(parent, relative) == url


def _settings(url: str) -> dict[str, dict[str, str]]:
    return parse_settings(f"core.bare\nfalse\0submodule.my.lib.path\nvendor/lib\0submodule.my.lib.url\n{url}\0")


_LINKS = {"vendor/lib": "2" * 40}


def test_submodules_are_those_to_which_the_commit_links() -> None:
    assert choose_submodules(_settings("https://git.test/lib"), _LINKS, "x") == [Submodule("vendor/lib", "https://git.test/lib", "2" * 40)]
    assert choose_submodules(_settings("https://git.test/lib"), {}, "x") == []
    with pytest.raises(UserError, match=r"links to a submodule at vendor/lib that \.gitmodules does not name"):
        choose_submodules({}, _LINKS, "x")


@pytest.mark.parametrize("url", ["/root/secrets", "file:///root/secrets", "ext::sh -c id", "-u", "ssh://-oProxyCommand=id/x", "lib"])
def test_a_submodule_from_this_host_or_with_an_option_for_an_address_is_refused(url: str) -> None:
    with pytest.raises(UserError, match="it must come from a server by https, ssh or git, or be relative"):
        choose_submodules(_settings(url), _LINKS, "https://git.test/shop")


def test_a_submodule_is_fetched_at_the_commit_that_the_repository_names(tmp_path: Path) -> None:
    library, shop = Repository(tmp_path / "lib"), Repository(tmp_path / "shop")
    library.commit("first", "lib.py")
    named = library.git("rev-parse", "HEAD").strip()
    shop.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", "../lib", "vendor/lib")
    commit = shop.commit("with a submodule", "app.py")
    library.commit("second", "lib.py")
    mirror = Mirror(tmp_path / "source.git", shop.url)
    mirror.fetch(commit)
    (tmp_path / "out").mkdir()
    links = mirror.check_out(commit, tmp_path / "out", Room("it"))
    assert mirror.find_submodules(links, tmp_path / "out") == [Submodule("vendor/lib", library.url, named)]


@pytest.mark.parametrize(("version", "hint"), [("abcdef1", "`git rev-parse abcdef1`"), ("feature", "for a commit, give all 40 characters")])
def test_an_abbreviated_commit_is_refused_with_a_hint(remote: Repository, mirror: Mirror, version: str, hint: str) -> None:
    remote.commit("app.py", "one")
    with pytest.raises(UserError) as caught:
        mirror.find_commit(version)
    assert hint in str(caught.value)


def test_a_repository_of_another_account_of_the_host_has_advice_that_can_help(mirror: Mirror) -> None:
    said = mirror._clean(  # noqa: SLF001 - git says this to root alone, of another's repository
        "fatal: detected dubious ownership in repository at '/srv/x.git'\nTo add an exception for this directory, call:\n\n"
        "\tgit config --global --add safe.directory /srv/x.git\n"
    )
    assert "ssh://ACCOUNT@localhost" in said
    assert "git config --global" not in said


def test_a_branch_of_a_remote_that_is_away_could_be_a_full_commit(remote: Repository, mirror: Mirror) -> None:
    remote.vanish()
    with pytest.raises(UserError, match="A full commit as the version is not asked for when the host has it"):
        mirror.find_commit("main")


def _refuse(mirror: Mirror, commit: str, directory: Path) -> str:
    """Return why a commit is not checked out, and see that nothing of it was written."""
    mirror.fetch(commit)
    directory.mkdir()
    with pytest.raises(UserError) as caught:
        mirror.check_out(commit, directory, Room("the repository"))
    assert list(directory.iterdir()) == []
    return str(caught.value)


def _make_tree(remote: Repository, listing: str) -> str:
    making = ["git", "-C", str(remote.path), "mktree"]
    return subprocess.run(making, input=listing, capture_output=True, check=True, text=True).stdout.strip()


def _make_bomb(remote: Repository, levels: int, branches: int, leaf: str) -> str:
    """Commit a tree in which each level holds the next one several times; return the commit."""
    for _level in range(levels):
        listing = "".join(f"040000 tree {leaf}\td{number}\n" for number in range(branches))
        leaf = _make_tree(remote, listing)
    commit = remote.git("commit-tree", "-m", "bomb", leaf)
    remote.git("update-ref", "refs/heads/main", commit)
    return commit


@pytest.mark.parametrize("has_file", [True, False])
def test_a_small_repository_that_holds_millions_of_files_or_of_directories_is_refused(
    remote: Repository, mirror: Mirror, tmp_path: Path, *, has_file: bool
) -> None:
    remote.commit("app.py", "one")
    leaf = _make_tree(remote, f"100644 blob {remote.git('rev-parse', 'HEAD:app.py')}\tf\n" if has_file else "")
    # A hundred million of them would take hours to list to the end.
    assert _refuse(mirror, _make_bomb(remote, 8, 10, leaf), tmp_path / "build") == (
        "the repository has more than 200000 members, the most that a source may have; leave out what is no source"
    )


def test_files_that_would_fill_the_disk_are_refused(
    remote: Repository, mirror: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounds, "MOST_UNPACKED", 100)
    remote.commit("a", "x" * 60)
    reason = _refuse(mirror, remote.commit("b", "y" * 41), tmp_path / "build")
    assert reason == "the repository comes to more than 100 bytes, the most that a source may have; leave out what is no source"


def test_a_repository_with_very_many_levels_is_refused(remote: Repository, mirror: Mirror, tmp_path: Path) -> None:
    remote.commit("app.py", "one")
    commit = _make_bomb(remote, 102, 1, remote.git("rev-parse", "HEAD^{tree}"))
    assert _refuse(mirror, commit, tmp_path / "build") == (
        "the repository has directories in more than 100 levels, the most that a source may have"
    )


def test_a_path_that_linux_does_not_allow_is_refused(remote: Repository, mirror: Mirror, tmp_path: Path) -> None:
    remote.commit("app.py", "one")
    tree = _make_tree(remote, f"100644 blob {remote.git('rev-parse', 'HEAD:app.py')}\t{'x' * 100_000}\n")
    remote.git("update-ref", "refs/heads/main", commit := remote.git("commit-tree", "-m", "long", tree))
    assert _refuse(mirror, commit, tmp_path / "build") == "the repository holds a path that is longer than Linux allows"


def test_submodules_share_the_room_of_their_parent(
    remote: Repository, mirror: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounds, "MOST_UNPACKED", 100)
    room, commit = Room("the repository"), remote.commit("a", "x" * 60)
    mirror.fetch(commit)
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
    mirror.check_out(commit, tmp_path / "first", room)
    with pytest.raises(UserError, match="comes to more than 100 bytes"):
        mirror.check_out(commit, tmp_path / "second", room)


def test_a_submodule_counts_the_levels_above_it(remote: Repository, mirror: Mirror, tmp_path: Path) -> None:
    commit = remote.commit("a", "x")
    mirror.fetch(commit)
    mirror.check_out(commit, tmp_path, Room("it"), above=100)
    with pytest.raises(UserError, match="more than 100 levels"):
        mirror.check_out(commit, tmp_path, Room("it"), above=101)


def test_a_pack_that_would_fill_the_disk_is_not_fetched_to_its_end(
    remote: Repository, mirror: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(git, "_LARGEST_FILE", 1 << 20)
    (remote.path / "noise").write_bytes(os.urandom(2 << 20))
    commit = remote.commit("app.py", "one")
    with pytest.raises(UserError, match=r"(?s)does not give the commit.*No more than .* bytes are fetched at once"):
        mirror.fetch(commit)
    assert all(path.stat().st_size <= 1 << 20 for path in tmp_path.joinpath("cache").rglob("*") if path.is_file())


def test_no_more_of_a_server_s_words_is_told_than_a_message_can_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = "".join(f"line {number}\n" for number in range(1000)) + "z" * 10_000
    program = tmp_path / "bin/git"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\ncat >&2 <<'E'\n{said}\nE\nexit 1\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    with pytest.raises(UserError) as caught:
        Mirror(tmp_path / "source.git", "https://git.test/a").find_commit("main")
    first, *lines, _advice = str(caught.value).splitlines()
    assert first == "git could not read https://git.test/a: …"
    assert lines == [*(f"line {number}" for number in range(981, 1000)), f"{'z' * 500}…"]


def test_a_listing_of_which_a_part_is_lost_is_no_answer(remote: Repository, mirror: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(git, "_MOST_SAID", 40)
    remote.commit("app.py", "one")
    with pytest.raises(UserError, match="`git ls-remote` says more than 40 bytes, of which none can be left out"):
        mirror.find_commit("main")


def test_lines_of_a_listing_that_name_nothing_do_no_harm() -> None:
    assert choose_commit("warning: x\n\n" + _LISTING, "main") == "1" * 40


def test_an_entry_of_a_tree_is_read_whatever_its_name() -> None:
    assert parse_entry(b"100644 blob abc      12\ta\tb\n\xff") == ("blob", "abc", 12, "a\tb\n\udcff")
    assert parse_entry(b"160000 commit abc       -\tlib") == ("commit", "abc", 0, "lib")


def test_a_huge_gitmodules_is_not_read(remote: Repository, mirror: Mirror, tmp_path: Path) -> None:
    (remote.path / ".gitmodules").write_text("#" * ((1 << 20) + 1), encoding="utf-8")
    commit = remote.commit("app.py", "one")
    mirror.fetch(commit)
    (tmp_path / "build").mkdir()
    with pytest.raises(UserError, match=r"\.gitmodules has more than 1048576 bytes"):
        mirror.find_submodules(mirror.check_out(commit, tmp_path / "build", Room("it")), tmp_path / "build")


def test_a_fetch_that_broke_off_leaves_neither_half_a_commit_nor_its_scraps(
    remote: Repository, mirror: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (remote.path / "noise").write_bytes(os.urandom(2 << 20))
    commit = remote.commit("app.py", "one")
    with monkeypatch.context() as patch:
        patch.setattr(git, "_LARGEST_FILE", 1 << 20)
        with pytest.raises(UserError):
            mirror.fetch(commit)
    mirror.fetch(commit)
    (tmp_path / "build").mkdir()
    mirror.check_out(commit, tmp_path / "build", Room("it"))
    assert (tmp_path / "build/noise").stat().st_size == 2 << 20
    assert list(tmp_path.glob("cache/source.git/objects/pack/tmp_*")) == []
