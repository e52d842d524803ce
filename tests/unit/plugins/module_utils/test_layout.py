from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._layout import AppLayout, check_name


@pytest.mark.parametrize("name", ["a", "shop", "mi-aplicacion", "shop_2", "a" * 25])
def test_a_plain_name_is_taken_as_it_is(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize("name", ["", "Shop", "2shop", "-shop", "_shop", "shop.test", "a/b", "..", "ñandu", "a" * 26, "shop\n", "shop@1"])
def test_a_name_that_no_user_or_unit_could_have_is_refused(name: str) -> None:
    with pytest.raises(UserError) as caught:
        check_name(name)
    assert str(caught.value) == (
        f"the app's name is {name!r}; allowed are 1 to 25 lower-case letters, digits, '-' and '_', beginning with a letter"
    )


def test_an_app_lives_in_var_www_by_default() -> None:
    layout = AppLayout.of("shop")
    assert layout.root == Path("/var/www/shop")
    assert layout.builds == Path("/var/www/shop/builds")
    assert layout.environments == Path("/var/www/shop/environments")
    assert layout.releases == Path("/var/www/shop/releases")
    assert layout.shared == Path("/var/www/shop/shared")
    assert layout.current == Path("/var/www/shop/current")
    assert layout.build("b1") == Path("/var/www/shop/builds/b1")
    assert layout.environment("e1") == Path("/var/www/shop/environments/e1")
    assert layout.release("r1") == Path("/var/www/shop/releases/r1")
    assert layout.socket("r1") == Path("/var/www/shop/releases/r1/gunicorn.sock")


def test_an_app_can_live_elsewhere() -> None:
    assert AppLayout.of("shop", "/srv/shop").current == Path("/srv/shop/current")


def test_what_is_shared_with_the_system_is_named_after_the_app() -> None:
    layout = AppLayout.of("shop", "/srv/elsewhere")
    assert layout.cache == Path("/var/cache/webstack-flask/shop")
    assert layout.lock == Path("/run/webstack-flask/shop.lock")
    assert layout.build_user == "_build-shop"
    assert layout.service_template == Path("/etc/systemd/system/shop@.service")
    assert layout.socket_template == Path("/etc/systemd/system/shop@.socket")
    assert layout.service_unit("r1") == "shop@r1.service"
    assert layout.socket_unit("r1") == "shop@r1.socket"


@pytest.mark.parametrize(
    ("unit", "is_ours"),
    [
        ("shop.mail@0123456789ab.service", True),
        ("shop.mail.2@0123456789ab.service", True),
        ("shop.mail@tty1.service", False),
        ("shop.mail@0123456789ab.socket", False),
        ("shop@0123456789ab.service", False),
        ("shop-x.mail@0123456789ab.service", False),
        ("shop.mail.x@0123456789ab.service", False),
    ],
)
def test_a_unit_of_somebody_else_that_is_called_alike_is_no_process_of_the_app(unit: str, *, is_ours: bool) -> None:
    assert AppLayout.of("shop").is_process(unit) == is_ours


def test_the_longest_name_leaves_room_for_the_build_user() -> None:
    assert len(AppLayout.of("a" * 25).build_user) == 32  # the limit of useradd(8)


@pytest.mark.parametrize("root", ["srv/shop", "/srv/../etc", "./shop", "/srv/my shop", "/srv/%h", "/srv\nUser=root", "/" + "a" * 70])
def test_a_root_that_could_be_anywhere_or_breaks_a_file_is_refused(root: str) -> None:
    with pytest.raises(UserError, match="it must be an absolute path of letters"):
        AppLayout.of("shop", root)
