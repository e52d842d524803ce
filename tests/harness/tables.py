"""Tables of options for people, written from the argument specs of the roles.

A page says where it wants one. What is between the two lines is written by `./dev docs`::

    <!-- variables: nginx_site -->
    <!-- end of variables -->

    <!-- options: nginx_site_sites.tls -->
    <!-- end of options -->

The first has the variables of a role, the second the options of one of them, or of an option. `keys` is another word for `options`, for the
heading. Options within an option follow it, unless the page has a table of their own.
"""

from __future__ import annotations

import json
import posixpath
import re
from typing import TYPE_CHECKING, Any

import yaml

from harness.process import HarnessError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    Options = Mapping[str, Mapping[str, Any]]

TABLE = re.compile(r"(<!-- (?P<noun>variable|option|key)s: (?P<path>[\w.]+) -->\n)(?P<rows>.*?)(<!-- end of (?P=noun)s -->)", re.DOTALL)
_MARK = re.compile(r"<!-- (?:end of )?(?:variable|option|key)s\b.*-->")
_CODE = re.compile(r"\b[CEIOV]\(((?:[^\\)]|\\.)+)\)")
_LINK = re.compile(r"\bL\(([^)]+?), *([^)]+)\)")


def join(role: str, specs: Mapping[str, Any]) -> Options:
    """Return the options of a role. What users name themselves, a mapping, has the options of its values at an entry point of its own."""
    options: Options = specs["main"]["options"]
    for key in set(specs) - {"main"}:
        options[role]["options"][key]["options"] = specs[key]["options"]
    return options


def fill(page: str, place: str, roles: Mapping[str, Options]) -> str:
    """Return a page with its tables written anew, given its path in the clone and the options of each role."""
    found = list(TABLE.finditer(page))
    if len(_MARK.findall(page)) != 2 * len(found):
        raise HarnessError(f"{place}: a table of options is without its first or its last line; see tests/harness/tables.py.")
    variables = {name: option for options in roles.values() for name, option in options.items()}
    apart = {match["path"] for match in found if match["noun"] != "variable"}

    def write(match: re.Match[str]) -> str:
        first, noun, path, last = match.group(1, "noun", "path", 5)
        try:
            options = roles[path] if noun == "variable" else _find(path, variables)
        except KeyError as error:
            raise HarnessError(f"{place}: there are no {noun}s of {path}; {error} is unknown.") from error
        rows = _list_rows(options, "" if noun == "variable" else f"{path}.", apart, posixpath.dirname(place))
        return "\n".join([f"{first}| {noun} | default | is |", "| --- | --- | --- |", *rows, last])

    return TABLE.sub(write, page)


def _find(path: str, options: Options) -> Options:
    first, *inner = path.split(".")
    found: Options = options[first]["options"]
    for name in inner:
        found = found[name]["options"]
    return found


def _list_rows(options: Options, above: str, apart: set[str], directory: str, shown: str = "") -> Iterator[str]:
    for name, option in options.items():
        is_apart = above + name in apart
        text = show_description(option["description"], directory) + (" Described below." if is_apart else "")
        cells = [f"`{shown}{name}`", show_default(option), text.replace("|", r"\|")]
        yield "".join(f"| {cell} " if cell else "| " for cell in cells) + "|"
        if "options" in option and not is_apart:
            yield from _list_rows(option["options"], f"{above}{name}.", apart, directory, f"{shown}{name}.")


def show_default(option: Mapping[str, Any]) -> str:
    """Return what an option is unless it is given, as one writes it in YAML, or that it is required."""
    if option.get("required"):
        return "required"
    if "default" not in option or ("options" in option and option["default"] == {}):  # then its options have defaults
        return ""
    return f"`{_show(option['default'])}`"


def _show(value: object) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_show, value))}]"
    is_plain = isinstance(value, str) and value != "" and yaml.safe_load(f"[{value}]") == [value]
    return str(value) if is_plain else json.dumps(value)


def show_description(description: str | list[str], directory: str) -> str:
    """Return a description, which may have Ansible's markup, in Markdown for a page in a directory of the clone.

    https://docs.ansible.com/ansible/latest/dev_guide/developing_modules_documenting.html#semantic-markup-within-module-documentation
    """
    text = description if isinstance(description, str) else " ".join(description)
    return _CODE.sub(_show_code, _LINK.sub(lambda link: f"[{link[1]}]({_lead(link[2], directory)})", text.strip()))


def _show_code(code: re.Match[str]) -> str:
    text = re.sub(r"\\(.)", r"\1", code[1])
    if code[0][0] == "O":  # the whole path of an option, perhaps with its value
        text = re.sub(r"^[^=]*\.", "", text).replace("=", ": ", 1)
    return f"`{text}`"


def _lead(target: str, directory: str) -> str:
    return target if "://" in target else posixpath.relpath(target, directory or ".")
