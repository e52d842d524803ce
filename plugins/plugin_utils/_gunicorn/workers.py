# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The packages that a class of gunicorn's workers needs besides gunicorn: the one table of their versions."""

from __future__ import annotations

from collections.abc import Mapping

from ansible_collections.webstack.flask.plugins.plugin_utils._gunicorn.settings import NO_CONFIG

_GEVENT = ("gevent==26.9.0", "packaging==26.3")
_UVICORN = ("uvicorn==0.54.0", "websockets==17.4")

_NEEDS: dict[str, tuple[str, ...]] = {
    "eventlet": ("eventlet==0.41.3", "gunicorn==25.3.0"),  # the last gunicorn that has this class
    "gunicorn.workers.geventlet.": ("eventlet==0.41.3", "gunicorn==25.3.0"),
    "gevent": _GEVENT,
    "gevent_pywsgi": _GEVENT,
    "gevent_wsgi": _GEVENT,
    "gunicorn.workers.ggevent.": _GEVENT,
    "tornado": ("tornado==6.6.1",),
    "gunicorn.workers.gtornado.": ("tornado==6.6.1",),
    "uvicorn.workers.": _UVICORN,
    "uvicorn_worker.": ("uvicorn-worker==0.4.0", *_UVICORN),
}
"""By the name of a class, or by the module that has it, which ends in a dot. `sync`, `gthread` and `asgi` are gunicorn's own."""


def list_worker_packages(worker_class: object) -> list[str]:
    """Return the packages that a value of gunicorn's setting `worker_class` needs, each with its version."""
    name = str(worker_class)
    module = name.rpartition(".")[0] + "."
    return list(_NEEDS.get(name, _NEEDS.get(module, ())))


def gets_threads_unasked(settings: Mapping[str, object]) -> bool:
    """Return whether the workers of an app have threads because nothing else is said. A configuration of the source may say it."""
    return not {"worker_class", "threads"} & set(settings) and settings.get("config", NO_CONFIG) == NO_CONFIG
