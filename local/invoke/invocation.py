"""What `sam local invoke` is given, as plain values: a template, an event, and URLs that mean the same in a container.
And what it gives back.
"""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from samcli.yamlhelper import yaml_parse

from local import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping

EVENTS = ROOT / "events"
LOOPBACK = ("127.0.0.1", "localhost")
SECONDS = 60  # that the function gets; it keeps a quarter of them for its answer


def ports_of(*urls: str) -> list[int]:
    """The ports of this machine's loopback in the URLs."""
    parts = [urlsplit(url) for url in urls]
    return [each.port or 80 for each in parts if each.hostname in LOOPBACK]


def seen_from_a_container(url: str, host: str) -> str:
    """The URL with this machine's name for containers in it, if it is one of the loopback."""
    parts = urlsplit(url)
    return parts._replace(netloc=f"{host}:{parts.port or 80}").geturl() if parts.hostname in LOOPBACK else url


def addressed_to(url: str, event: Mapping[str, Any]) -> dict[str, Any]:
    """The event with another ResponseURL, in its own request or in that of a function that died."""
    changed = dict(event)
    if "ResponseURL" in event:
        changed["ResponseURL"] = url
    if "requestPayload" in event:
        changed["requestPayload"] = addressed_to(url, event["requestPayload"])
    return changed


def load(name: str) -> dict[str, Any]:
    """The event `<function>/<event>`, as it is in events/."""
    event: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text(encoding="utf-8"))
    return event


def names() -> list[str]:
    """All events, each as `<function>/<event>`."""
    return sorted(f"{path.parent.name}/{path.stem}" for path in EVENTS.glob("*/*.json"))


@cache
def template() -> dict[str, Any]:
    """template.yaml, with its intrinsic functions in their long forms."""
    parsed: dict[str, Any] = yaml_parse((ROOT / "template.yaml").read_text(encoding="utf-8"))
    return parsed


def logical_id(function: str) -> str:
    """The resource of template.yaml whose code is in functions/<function>."""
    code, resources = f"functions/{function}", template()["Resources"]
    return next(str(name) for name, each in resources.items() if each["Properties"].get("CodeUri") == code)


def variables(function: str) -> dict[str, Any]:
    """The environment variables that template.yaml declares for the function in functions/<function>."""
    declared = [template()["Globals"]["Function"], template()["Resources"][logical_id(function)]["Properties"]]
    each, own = (properties.get("Environment", {}).get("Variables", {}) for properties in declared)
    return {**each, **own}


def references(function: str) -> dict[str, str]:
    """Those that hold the physical id of a resource, with its logical id."""
    referred = {name: referred_by(value) for name, value in variables(function).items() if isinstance(value, dict)}
    return {name: target for name, target in referred.items() if target in template()["Resources"]}


def parameters(function: str) -> dict[str, str]:
    """Those that hold the value of a parameter, with its name."""
    referred = {name: referred_by(value) for name, value in variables(function).items() if isinstance(value, dict)}
    return {name: target for name, target in referred.items() if target in template()["Parameters"]}


def referred_by(value: Mapping[str, Any]) -> str:
    """What a `!Ref` names, one in a `!Join`, or the first of two in an `!If`: a resource that the stack creates by
    default. A `!Sub` names several, and so none."""
    [(function, given)] = value.items()
    if function == "Fn::Sub":
        return ""
    return str(given) if function == "Ref" else referred_by(given[1])


def prepare(built: Mapping[str, Any], name: str, values: Mapping[str, str]) -> None:
    """Give a function of a built template its time and more variables: sam passes on only those that it names."""
    properties = built["Resources"][name]["Properties"]
    properties["Timeout"] = SECONDS
    properties.setdefault("Environment", {}).setdefault("Variables", {}).update(values)


def failed(output: str) -> bool:
    """Whether the function ended in an error, by its result as sam prints it: nothing when it was ended by force."""
    try:
        result = json.loads(output)
    except ValueError:
        return True
    return isinstance(result, dict) and "errorType" in result
