# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find what is wrong with where an app of `flask_apps` comes from, what it is built from, and what of it is data."""

from __future__ import annotations

import re

from ansible_collections.webstack.flask.plugins.module_utils._environment.manifests import find_dependency_problems
from ansible_collections.webstack.flask.plugins.module_utils._source.archives import find_archive_problems
from ansible_collections.webstack.flask.plugins.module_utils._source.git import split_credentials
from ansible_collections.webstack.flask.plugins.module_utils._source.shared_data import SEEDS
from ansible_collections.webstack.flask.plugins.module_utils._systemd.env_file import find_environment_problems
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.app import (
    App,
    as_text,
    git_access,
    is_data,
    list_places,
    list_shared,
    tidy,
)
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.bounds import find_command_problems
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.entry import Problems

_MAY_BE_SHARED = ("env_files", "dependencies.wheels", "static.paths")
_CODE_IN_SHARED = "what is shared is data that every release keeps, and no code of any; name the directory of data alone"
"""Keys whose paths may lie in a shared place, and why those of the others may not."""


def _find_source_problems(app: App) -> Problems:
    source = app["source"]
    if source["archive"] is not None:
        yield from find_archive_problems(source["archive"], source["checksum"])
    elif source["checksum"] is not None:
        yield "source.checksum is given without `source.archive`; a commit of git is pinned by `source.version`"
    if source["git"] is not None and not re.fullmatch(r"(?!-)[^\x00-\x20\x7f]+", source["git"]):
        shown = split_credentials(source["git"])[0]
        yield f"source.git is {shown!r}; it must be a URL, such as https://example.com/shop.git or git@example.com:shop.git"
    for key in ("ssh_key", "known_hosts"):
        if source[key] is not None and source["git"] is None:
            yield f"source.{key} is for `source.git` alone"
    if source["ssh_key"] is not None and "PRIVATE KEY-----" not in source["ssh_key"]:
        yield "source.ssh_key is not a private key; give its text, beginning with -----BEGIN, and not the path of a file"


def _find_dependency_problems(app: App) -> Problems:
    yield from find_dependency_problems(app["dependencies"], "dependencies.")
    yield from _find_access_problems(app)


def _find_access_problems(app: App) -> Problems:
    source, own = app["source"], app["dependencies"]
    if own["ssh_key"] is not None and "PRIVATE KEY-----" not in own["ssh_key"]:
        yield "dependencies.ssh_key is not a private key; give its text, beginning with -----BEGIN, and not the path of a file"
    if not own["git_access"] or own["ssh_key"] is not None:
        return
    if source["git"] is None:
        yield (
            "dependencies.git_access is true, and there is no `source.git` that is read with a key or a password; give the installation "
            "a key of its own: `dependencies: {ssh_key: ..., known_hosts: ...}`"
        )
    elif source["ssh_agent"] and source["ssh_key"] is None:
        yield (
            "dependencies.git_access is true, and the source is read with an agent, which an installation cannot reach: what packages run "
            "would have all its keys; give the installation a key that can only read: `dependencies: {ssh_key: ..., known_hosts: ...}`"
        )
    elif git_access(app) is None:
        yield (
            "dependencies.git_access is true, and the source is read with nothing that could be lent: there is no `source.ssh_key`, and "
            "no user and password in `source.git`; give one of them, or `dependencies: {ssh_key: ..., known_hosts: ...}`"
        )


def _find_path_problems(app: App) -> Problems:
    paths_in_source = {
        "source.subdirectory": [app["source"]["subdirectory"]],
        "chdir": [app["chdir"]],
        "python_path": app["python_path"],
        "env_files": app["env_files"],
        "gunicorn.config": [str(app["gunicorn"].get("config", ""))],
        "shared.directories": app["shared"]["directories"],
        "shared.files": app["shared"]["files"],
    }
    for key, paths in paths_in_source.items():
        for path in paths:
            if path.startswith("/") or ".." in path.split("/") or re.search(r"[\x00-\x1f\x7f:]", path):
                yield f"{key} is {path!r}; it must be a path within the source, without ':' and '..'"
    shared = list_shared(app)
    for path in shared:
        if path == "." or any(other != path and path.startswith(f"{other}/") for other in shared) or shared.count(path) > 1:
            yield f"shared names {path!r}, which is the whole source, or within another place that is shared, or named twice"
        elif path.split("/")[0] == SEEDS:
            yield f"shared names {path!r}; {SEEDS} is where a build keeps what the source has in shared places"
    for key, paths in list_places(app).items():
        for path in paths:
            if key not in _MAY_BE_SHARED and any(path == place or path.startswith(f"{place}/") for place in shared):
                yield f"{key} names {path!r}, which is in `shared`: {_CODE_IN_SHARED}"
    yield from _find_public_data_problems(app)


def _find_public_data_problems(app: App) -> Problems:
    """Find mappings of which a part is data: nginx sends it with other headers than the source, and follows no link in it."""
    for number, mapping in enumerate(app["static"] or ()):
        data = [path for path in mapping["paths"] if is_data(app, path)]
        source = [path for path in mapping["paths"] if not is_data(app, path)]
        files = [path for path in source if tidy(path) in map(tidy, app["shared"]["files"])]
        where = f"static[{number}].paths"
        for path in files:
            yield f"{where} names {path!r}, which is in `shared.files`; nginx sends what is in directories: share the one in which it lies"
        if data and source and not files:
            yield (
                f"{where} has {data[0]!r}, which is in `shared`, and {source[0]!r}, which is not: nginx sends what an app has written with "
                "more care than its source. Give each a mapping and an address of its own, such as "
                f"`{{url: /media/, paths: [{', '.join(data)}]}}`"
            )


def _find_variable_problems(app: App) -> Problems:
    for key, value in app["env"].items():
        if isinstance(value, bool) or not isinstance(value, (str, int, float)):
            yield f"env.{key} is {type(value).__name__}, and a variable holds text; put the value in quotes"
    yield from find_environment_problems(as_text(app["env"]))


def _find_build_problems(app: App) -> Problems:
    for key, value in app["build_env"].items():
        if isinstance(value, bool) or not isinstance(value, (str, int, float)):
            yield f"build_env.{key} is {type(value).__name__}, and a variable holds text; put the value in quotes"
    for problem in find_environment_problems(as_text(app["build_env"])):
        yield problem.replace("the environment variable", "the variable in build_env", 1)
    if app["build_env"] and not app["build_commands"]:
        yield "build_env is given without `build_commands`, which alone get these variables; the app's own are in `env`"
    for key in ("build_commands", "setup_commands", "release_commands"):
        for number, command in enumerate(app[key]):
            yield from find_command_problems(f"{key}[{number}]", command)


FINDERS = (
    *(_find_source_problems, _find_dependency_problems, _find_path_problems),
    *(_find_variable_problems, _find_build_problems),
)
