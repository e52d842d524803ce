"""The units by which backups are made, and the one in which restic reads an app's files."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.webstack.flask.plugins.module_utils._backups.backup import list_properties
from ansible_collections.webstack.flask.plugins.module_utils._backups.settings import Settings
from ansible_collections.webstack.flask.plugins.module_utils._backups.units import list_units

SHOP = Settings("shop", "/mnt/nas/shop", "secret word")


def test_a_backup_is_made_each_day_in_utc_unless_a_zone_is_named_and_tried_each_week() -> None:
    units = list_units(SHOP)
    assert set(units) == {"shop.backup.service", "shop.backup.timer", "shop.verify.service", "shop.verify.timer"}
    assert "OnCalendar=*-*-* 02:30 UTC\n" in units["shop.backup.timer"]
    assert "OnCalendar=Sun *-*-* 02:30 UTC\n" in units["shop.verify.timer"]
    zoned = list_units(Settings("shop", "/x", "secret word", at="03:30 Europe/Prague", verify="monthly"))
    assert "OnCalendar=*-*-* 03:30 Europe/Prague\n" in zoned["shop.backup.timer"]
    assert "OnCalendar=*-*-01 03:30 Europe/Prague\n" in zoned["shop.verify.timer"]
    assert set(list_units(Settings("shop", "/x", "secret word", verify="never"))) == {"shop.backup.service", "shop.backup.timer"}


def test_no_unit_has_the_password() -> None:
    views = {Path("/backup"): Path("/var/lib/x"), Path("/backup/shared"): Path("/var/www/shop/shared")}
    properties = list_properties(SHOP, views, Path("/run/x.env"))
    assert "secret" not in "".join([*list_units(SHOP).values(), *properties])
    assert "BindReadOnlyPaths=/var/lib/x:/backup /var/www/shop/shared:/backup/shared" in properties
    assert "BindPaths=/var/cache/webstack-flask/.restic/shop:/cache /mnt/nas/shop" in properties
