"""`Fn::Join` in the conditions of a template. MiniStack leaves it as it is, so that a list never equals a value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ministack.services.cloudformation import changesets, engine, handlers, stacks

if TYPE_CHECKING:
    from local.emulator.extension.store import Json

_ministack_evaluate = engine._evaluate_conditions  # noqa: SLF001


def install() -> None:
    """Evaluate conditions here, in each module that does so."""
    for module in (engine, changesets, handlers, stacks):
        module._evaluate_conditions = evaluate_conditions  # noqa: SLF001


def evaluate_conditions(template: Json, params: Json) -> Json:
    """Whether each condition is true, by name."""
    conditions = joined(template.get("Conditions", {}), params)
    evaluated: Json = _ministack_evaluate({**template, "Conditions": conditions}, params)
    return evaluated


def joined(node: Any, params: Json) -> Any:
    """A value in which the lists of parameters are joined. A CommaDelimitedList is one string here."""
    match node:
        case {"Fn::Join": [delimiter, {"Ref": name}]} if name in params:
            return delimiter.join(each.strip() for each in params[name]["Value"].split(","))
        case dict():
            return {key: joined(value, params) for key, value in node.items()}
        case list():
            return [joined(each, params) for each in node]
    return node
