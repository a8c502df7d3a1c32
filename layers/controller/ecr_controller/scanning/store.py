"""Where routes are kept: in the table of parts, under their repositories."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from ecr_controller.event_routing.routes import Route

if TYPE_CHECKING:
    from collections.abc import Callable

    from ecr_controller.shared_documents.converge import Parts


def target_of(repositories: str) -> str:
    """The key of the table of parts under which the routes of a pattern are."""
    return f"scan-route/{repositories}"


def reader(store: Parts) -> Callable[[str], tuple[Route, ...]]:
    """What reads the routes under a pattern, each pattern once: to be made anew for each batch of events."""

    @cache
    def routes_under(repositories: str) -> tuple[Route, ...]:
        parts = store.read(target_of(repositories))
        return tuple(Route.kept(repositories, part.content) for part in parts)

    return routes_under
