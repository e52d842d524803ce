# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What bash completes behind the word webstack: a script with all that the parsers of the command know.

It asks no Python, which would take longer than people wait, and reads what anybody may read on the host. So it helps whoever types `sudo
webstack` as well; names of releases that nothing but root can list are for root alone.
"""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Iterable, Mapping
from typing import Any

_LISTS = {
    "release": "releases",
    "job": "jobs",
    "part": "parts",
    "parts": "processes",
}
"""What completes an argument or the value of an option, by its name: one of the lists that the script makes of what is on the host."""


class Parser(argparse.ArgumentParser):
    """A parser that tells what it takes."""

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - those of a parser
        """Make a parser as argparse does."""
        self.taken: list[argparse.Action] = []
        super().__init__(**options)

    def add_argument(self, *names: str, **options: Any) -> argparse.Action:  # noqa: ANN401 - likewise
        """Add an argument as argparse does."""
        action = super().add_argument(*names, **options)
        self.taken.append(action)
        return action


def format_completion(parsers: Mapping[str, Parser]) -> str:
    """Return the script, given what reads the words behind each command."""
    cases = "".join(_format_command(command, parser.taken) for command, parser in parsers.items())
    return _SCRIPT.replace("@COMMANDS@", " ".join(parsers)).replace("@CASES@", cases)


def _format_command(command: str, taken: Iterable[argparse.Action]) -> str:
    """Return what the script knows of a command: its options, those that want a value, and what stands in each place behind it."""
    options = [action for action in taken if action.option_strings]
    places = [action for action in taken if not action.option_strings]
    valued = {name: _name_list(action) for action in options if action.nargs != 0 for name in action.option_strings}
    last = _name_list(places[-1]) if places and places[-1].nargs in ("*", "+") else ""
    return (
        f"        {command})\n"
        f"            options={_quote(name for action in options for name in action.option_strings)}\n"
        f"            valued={_quote(f'{name}={kind}' for name, kind in valued.items())}\n"
        f"            places=({' '.join(shlex.quote(_name_list(action)) for action in places)}) rest={shlex.quote(last)}\n"
        "            ;;\n"
    )


def _name_list(action: argparse.Action) -> str:
    """Return the words that an argument may be, or the name of their list; `-` where nobody knows them."""
    return " ".join(map(str, action.choices)) if action.choices else _LISTS.get(action.dest, "-")


def _quote(words: Iterable[str]) -> str:
    return shlex.quote(" ".join(words))


_SCRIPT = r"""# Written by webstack.flask. Completion of the command webstack for bash.

_webstack_flask() {
    local www=/var/www units=/etc/systemd/system word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
    local app='' command='' options='' valued='' rest='' kind='' place=0 each index
    local -a places=()
    COMPREPLY=()
    for ((index = 1; index < COMP_CWORD; index++)); do
        each=${COMP_WORDS[index]}
        if [[ ! $app ]]; then
            [[ $each == -* ]] || app=$each
        elif [[ ! $command ]]; then
            [[ $each == -* ]] || command=$each
            _webstack_flask_know "$command"
        elif [[ $each == -- ]]; then
            return
        elif [[ $each != -* && " $valued " != *" ${COMP_WORDS[index - 1]}="* ]]; then
            ((++place))
        fi
    done
    if [[ " $valued " == *" $before="* ]]; then
        kind=${valued#*"$before="}
        kind=${kind%% *}
    elif [[ ! $command && $word == -* ]]; then
        kind='--json --help'
    elif [[ $word == -* ]]; then
        kind="$options"
    elif [[ ! $app ]]; then
        kind=apps
    elif [[ ! $command ]]; then
        kind='@COMMANDS@'
    else
        kind=${places[place]:-$rest}
    fi
    _webstack_flask_list "$kind"
}

_webstack_flask_know() {
    case $1 in
@CASES@    esac
}

_webstack_flask_list() {
    local found='' path name
    case $1 in
        '' | -) return ;;
        apps)
            for path in "$www"/*/.webstack-flask; do
                [[ -f $path ]] && path=${path%/*} && found+=" ${path##*/}"
            done
            ;;
        releases)
            for path in "$www/$app"/releases/*/; do
                [[ -d $path ]] && path=${path%/} && found+=" ${path##*/}"
            done
            ;;
        *)
            found=" $1 "
            if [[ $1 == parts ]]; then
                found=' web nginx deploy backup'
            elif [[ $1 == processes ]]; then
                found=' web'
            elif [[ $1 == jobs ]]; then
                found=''
            fi
            if [[ $1 == parts || $1 == processes ]]; then
                for path in "$units/$app".*@*.service; do
                    name=${path##*/"$app".}
                    name=${name%%@*}
                    [[ -f $path && $name != *.job ]] && found+=" ${name%%.*}"
                done
            fi
            if [[ $1 == parts || $1 == jobs ]]; then
                for path in "$units/$app".*.job.timer; do
                    name=${path##*/"$app".}
                    [[ -f $path ]] && found+=" ${name%%.*}"
                done
            fi
            ;;
    esac
    mapfile -t COMPREPLY < <(compgen -W "$found" -- "$word" | sort -u)
}

complete -F _webstack_flask webstack
"""
