"""Builds made by hand, and what the role python_pipenv makes of them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scenario_tests.play import run_role

if TYPE_CHECKING:
    from collections.abc import Mapping

    from testinfra.backend.base import CommandResult
    from testinfra.host import Host

    from scenario_tests.play import Play

UNCOMPILED = {"PIP_COMPILE": "0"}
"""Variables with which pip compiles nothing, a good part of its work: for environments of which next to nothing is imported."""


@dataclass(frozen=True)
class Workbench:
    """A host on which builds are made by hand. ``apps`` are those that the scenario has there from the beginning, by name."""

    host: Host
    apps: Mapping[str, dict[str, Any]]

    def clear(self) -> None:
        """Remove what an earlier run of the tests has left."""
        names = "|".join(self.apps)
        self.host.check_output(
            "rm -rf /var/tmp/hold /var/www/*/builds/two && cd /var/www && "
            f"for app in *; do case $app in {names}) ;; *) rm -r $app;; esac; done"
        )

    def root(self, app: str) -> str:
        """Return the directory of an app."""
        return str(self.apps.get(app, {}).get("root", f"/var/www/{app}"))

    def environments(self, app: str) -> list[str]:
        """Return everything below environments/, what is hidden included."""
        root = self.root(app)
        return sorted(str(self.host.check_output("test ! -e %s/environments || ls -A %s/environments", root, root)).split())

    def environment(self, app: str) -> str:
        """Return the directory of the app's one environment."""
        (name,) = self.environments(app)
        return f"{self.root(app)}/environments/{name}"

    def as_app(self, app: str, command: str) -> CommandResult:
        """Run a command as a user who is in the group of the app, as the app itself will be."""
        return self.host.run("setpriv --reuid=nobody --regid=%s --clear-groups sh -c %s", app, command)

    def python(self, app: str, code: str) -> str:
        """Return what a line of Python prints in the environment of the app."""
        ended = self.as_app(app, f"cd / && {self.environment(app)}/bin/python -c '{code}'")
        assert ended.rc == 0, ended.stderr
        return str(ended.stdout).strip()

    def installed(self, app: str) -> dict[str, str]:
        """Return the versions of what the app's environment has, by name."""
        lines = json.loads(self.host.file(f"{self.environment(app)}/environment.json").content_string)["installed"]
        return dict(line.lower().split("==") for line in lines if "==" in line)

    def put_build(self, app: str, build: str, files: Mapping[str, str]) -> None:
        """Write a build's files."""
        directory = f"/var/www/{app}/builds/{build}"
        commands, words = ["mkdir -p %s && cd %s"], [directory, directory]
        for name, text in files.items():
            commands.append("mkdir -p $(dirname %s) && printf %%s %s > %s")
            words += [name, text, name]
        self.host.check_output(" && ".join(commands), *words)

    def run(self, *apps: Mapping[str, Any], check: bool = False, options: tuple[str, ...] = (), **variables: object) -> Play:
        """Run the role for these apps; its variables are given without its name."""
        given = {"python_pipenv_apps": list(apps), **{f"python_pipenv_{key}": value for key, value in variables.items()}}
        return run_role(self.host, "python_pipenv", given, check=check, options=options)
