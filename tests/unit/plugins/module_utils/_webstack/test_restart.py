"""Which units start anew."""

from __future__ import annotations

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._layout import AppLayout
from ansible_collections.webstack.flask.plugins.module_utils._release.record import ReleaseRecord
from ansible_collections.webstack.flask.plugins.module_utils._webstack.restart import choose_units

_SHOP = AppLayout.of("shop")
_PROCESSES = ({"name": "rq", "count": 2, "exclusive": False, "watch": 5}, {"name": "bot", "count": 1, "exclusive": True, "watch": 5})
_RECORD = ReleaseRecord(id="0123456789ab", build="b", environment="e", created=1.0, processes=_PROCESSES)
_WEB = {"web": ["shop@0123456789ab.service"]}
_RQ = {"rq": ["shop.rq@0123456789ab.service", "shop.rq.2@0123456789ab.service"]}
_BOT = {"bot": ["shop.bot@0123456789ab.service"]}


@pytest.mark.parametrize(
    ("parts", "units"),
    [([], _WEB | _RQ | _BOT), (["rq"], _RQ), (["bot", "web"], _WEB | _BOT)],
)
def test_all_or_what_is_named_the_web_process_first(parts: list[str], units: dict[str, list[str]]) -> None:
    assert list(choose_units(_SHOP, _RECORD, parts).items()) == list(units.items())


def test_another_part_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(UserError, match=r"^shop runs no celery; it runs web, rq, bot$"):
        choose_units(_SHOP, _RECORD, ["rq", "celery"])


def test_an_app_without_a_web_process_has_no_such_part() -> None:
    courier = ReleaseRecord(id="0123456789ab", build="b", environment="e", created=1.0, processes=_PROCESSES, web=False)
    assert list(choose_units(_SHOP, courier, [])) == ["rq", "bot"]
    with pytest.raises(UserError, match="runs no web"):
        choose_units(_SHOP, courier, ["web"])
