from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._environment.project_files import Pin
from ansible_collections.webstack.flask.plugins.module_utils._environment.wheels import WheelStore, fits

NAME = "thing_of_ours-1.0-py3-none-any.whl"
DIGEST = hashlib.sha256(b"good").hexdigest()
PIN = Pin("thing-of-ours", "1.0", frozenset({DIGEST, "f" * 64}))


@pytest.fixture
def store(tmp_path: Path) -> WheelStore:
    return WheelStore("3.13", tmp_path / "store")


@pytest.fixture
def downloads(tmp_path: Path) -> Path:
    return make(tmp_path / "downloads")


def make(directory: Path) -> Path:
    directory.mkdir()
    return directory


def offered(store: WheelStore, view: Path) -> list[str]:
    """Return what is linked for the pin, having made sure that the pin is returned if nothing is."""
    missing = store.offer([PIN], make(view))
    found = sorted(file.name for file in view.iterdir())
    assert missing == ([] if found else [PIN])
    return found


def kept(tmp_path: Path) -> list[Path]:
    """Return all that the store holds, whether it is ever offered or not."""
    return list((tmp_path / "store").glob("*/*"))


def test_what_one_app_has_fetched_another_is_offered(store: WheelStore, downloads: Path, tmp_path: Path) -> None:
    assert offered(store, tmp_path / "before") == []
    (downloads / NAME).write_bytes(b"good")
    store.keep([PIN], downloads)
    (downloads / NAME).write_bytes(b"evil")
    assert offered(store, tmp_path / "after") == [NAME]
    assert (tmp_path / "after" / NAME).read_bytes() == b"good"
    assert (tmp_path / "after" / NAME).stat().st_mode & 0o777 == 0o644
    assert (tmp_path / "store").stat().st_mode & 0o777 == 0o700


def test_a_pin_of_another_package_or_digest_is_offered_nothing(store: WheelStore, downloads: Path, tmp_path: Path) -> None:
    (downloads / NAME).write_bytes(b"good")
    store.keep([PIN], downloads)
    for number, pin in enumerate(
        (Pin("thing", "1.0", PIN.digests), Pin(PIN.name, "1.1", PIN.digests), Pin(PIN.name, "1.0", frozenset("a")))
    ):
        assert store.offer([pin], make(tmp_path / str(number))) == [pin]


def test_wheels_of_one_series_are_not_offered_to_another(store: WheelStore, downloads: Path, tmp_path: Path) -> None:
    (downloads / NAME).write_bytes(b"good")
    store.keep([PIN], downloads)
    assert offered(WheelStore("3.11", tmp_path / "store"), tmp_path / "view") == []


def write_something_else(path: Path) -> None:
    path.write_bytes(b"evil")


def link_to_a_good_one(path: Path) -> None:
    (path.parent.parent / "elsewhere").write_bytes(b"good")
    path.symlink_to("../elsewhere")


@pytest.mark.parametrize("put", [write_something_else, link_to_a_good_one, os.mkfifo, os.mkdir])
def test_what_is_not_the_wheel_itself_is_not_taken(store: WheelStore, downloads: Path, tmp_path: Path, put: object) -> None:
    assert callable(put)
    put(downloads / NAME)
    store.keep([PIN], downloads)
    assert offered(store, tmp_path / "view") == []
    assert kept(tmp_path) == []


@pytest.mark.parametrize("name", ["thing_of_ours-1.0.tar.gz", "other-1.0-py3-none-any.whl", ".whl", "thing_of_ours-1.0-py3-none-any.whl\n"])
def test_a_file_by_another_name_is_not_taken(store: WheelStore, downloads: Path, tmp_path: Path, name: str) -> None:
    (downloads / name).write_bytes(b"good")
    store.keep([PIN], downloads)
    assert offered(store, tmp_path / "view") == []
    assert kept(tmp_path) == []


def test_taking_it_twice_is_as_good_as_once(store: WheelStore, downloads: Path, tmp_path: Path) -> None:
    (downloads / NAME).write_bytes(b"good")
    for _time in range(2):
        store.keep([PIN], downloads)
    assert offered(store, tmp_path / "view") == [NAME]
    assert len(kept(tmp_path)) == 1


def test_what_nobody_has_used_for_two_months_is_deleted_and_use_counts(store: WheelStore, downloads: Path, tmp_path: Path) -> None:
    (downloads / NAME).write_bytes(b"good")
    store.keep([PIN], downloads)
    (place,) = (tmp_path / "store").glob(f"*/{DIGEST}")
    long_ago = time.time() - 61 * 24 * 3600
    os.utime(place, (long_ago, long_ago))
    assert offered(store, tmp_path / "used") == [NAME]
    (downloads / NAME).unlink()
    store.keep([PIN], downloads)
    assert place.exists()
    os.utime(place, (long_ago, long_ago))
    store.keep([PIN], downloads)
    assert not place.exists()


@pytest.mark.parametrize("file", [NAME, "thing.of.ours-1.0-1-cp313-cp313-manylinux_2_17_x86_64.manylinux2014_x86_64.whl"])
def test_a_wheel_fits_by_its_name(file: str) -> None:
    assert fits(file, PIN)


@pytest.mark.parametrize(
    "file", ["thing_of_ours-1.0.1-py3-none-any.whl", "thing_of_ours-1.0-py3-none-any.zip", "../thing_of_ours-1.0-py3-none-any.whl"]
)
def test_another_file_does_not_fit(file: str) -> None:
    assert not fits(file, PIN)
