from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from ansible_collections.webstack.flask.plugins.module_utils.certificates import make_self_signed
from ansible_collections.webstack.flask.plugins.module_utils.switch import Front
from ansible_collections.webstack.flask.plugins.module_utils.transaction import choose_front

if TYPE_CHECKING:
    from pathlib import Path

PLAIN = Front("127.0.0.1", 80, "shop.test")


@pytest.mark.parametrize(
    ("signed", "front"),
    [
        ([], PLAIN),
        (["other.test"], PLAIN),
        (["shop.test", "www.shop.test"], Front("127.0.0.1", 8443, "shop.test", tls=True)),
        (["www.shop.test"], Front("127.0.0.1", 8443, "www.shop.test", tls=True)),
    ],
)
def test_an_app_is_asked_encrypted_once_one_of_its_names_is_certified(tmp_path: Path, signed: list[str], front: Front) -> None:
    file = tmp_path / "shop.pem"
    if signed:
        file.write_text(make_self_signed(signed, 1, tmp_path), encoding="ascii")
    certified = {"certificate": str(file), "encrypted_port": 8443, "names": ["shop.test", "www.shop.test"]}
    options = {"address": "127.0.0.1", "port": 80, "host": "shop.test", "tls": False, "certified": certified}
    assert choose_front(options) == front
    assert choose_front({**options, "certified": None}) == PLAIN
