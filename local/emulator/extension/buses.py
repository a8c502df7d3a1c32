"""Events that a rule sends to a bus of another account or Region, which MiniStack drops.

The policy of that bus is not evaluated: MiniStack has no organizations.
"""

from __future__ import annotations

from typing import Any

from ministack.core import responses
from ministack.services import eventbridge

ministack_dispatch = eventbridge._dispatch_to_event_bus  # noqa: SLF001


def install() -> None:
    """Replace the dispatch of MiniStack."""
    eventbridge._dispatch_to_event_bus = dispatch  # noqa: SLF001


def dispatch(spec: Any, event: Any, *rest: Any) -> None:
    """Deliver the event where the bus is. It keeps the account and the Region in which it was sent."""
    account, region = responses.get_account_id(), responses.get_region()
    if not spec.resource.startswith("event-bus/") or (spec.account_id, spec.region) == (account, region):
        ministack_dispatch(spec, event, *rest)
        return
    responses.set_request_account_id(spec.account_id)
    responses.set_request_region(spec.region)
    name = spec.resource.removeprefix("event-bus/")
    try:
        if name in eventbridge._event_buses:  # noqa: SLF001
            eventbridge._dispatch_event({**event, "EventBusName": name})  # noqa: SLF001
    finally:
        responses.set_request_account_id(account)
        responses.set_request_region(region)
