"""What `sam local invoke` is given, as plain values: a template, an event, and URLs that mean the same in a container.
And what it gives back.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

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


def logical_id(template: Mapping[str, Any], function: str) -> str:
    """The resource whose code is the folder with that name. Raises KeyError."""
    for name, resource in template["Resources"].items():
        code = resource["Properties"].get("CodeUri")
        if isinstance(code, str) and Path(code).name == function:
            return str(name)
    raise KeyError(f"template.yaml has no function in functions/{function}.")


def references(template: Mapping[str, Any], name: str) -> dict[str, str]:
    """The variables of a function that hold the physical id of a resource, with its logical id."""
    variables = template["Resources"][name]["Properties"].get("Environment", {}).get("Variables", {})
    targets = {
        variable: value["Ref"] for variable, value in variables.items() if isinstance(value, dict) and "Ref" in value
    }
    return {variable: target for variable, target in targets.items() if target in template["Resources"]}


def prepare(template: Mapping[str, Any], name: str, variables: Mapping[str, str]) -> None:
    """Give a function its time and more variables: sam passes on only those that a template names."""
    properties = template["Resources"][name]["Properties"]
    properties["Timeout"] = SECONDS
    properties.setdefault("Environment", {}).setdefault("Variables", {}).update(variables)


def failed(output: str) -> bool:
    """Whether the function ended in an error, by its result as sam prints it: nothing when it was ended by force."""
    try:
        result = json.loads(output)
    except ValueError:
        return True
    return isinstance(result, dict) and "errorType" in result
