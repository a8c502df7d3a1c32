"""Each event for `sam local invoke` comes to what its name says, through the function's own handler class."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ecr_controller.custom_resource.protocol import Request
from ecr_controller.errors import InvalidProperties

if TYPE_CHECKING:
    from collections.abc import Callable

    from ecr_controller.grants.by_type import GrantResource
    from mypy_boto3_iam import IAMClient

EVENTS = {path.stem: path for path in (Path(__file__).parents[3] / "events" / "grant").glob("*.json")}


def of(name: str) -> Request:
    return Request.from_event(json.loads(EVENTS[name].read_text(encoding="utf-8")), deadline=0)


@pytest.mark.parametrize("name", sorted(name for name in EVENTS if name.startswith("create")))
def test_an_event_that_creates_a_grant_does(
    resource: GrantResource, iam: IAMClient, role: Callable[[str], str], name: str
) -> None:
    role("web")
    iam.create_group(GroupName="developers")
    assert resource.create(of(name)).physical_id.endswith(f"|{of(name).logical_id}")


def test_the_events_of_one_grant_follow_one_another(
    resource: GrantResource, role: Callable[[str], str], statements: Callable[[], list[object]]
) -> None:
    role("web")
    created = resource.create(of("create")).physical_id
    assert created == resource.update(of("update")).physical_id == of("delete").physical_id
    resource.delete(of("delete"))
    assert statements() == []


def test_the_event_with_bad_properties_is_refused(resource: GrantResource) -> None:
    with pytest.raises(InvalidProperties) as raised:
        resource.create(of("bad-properties"))
    assert len(raised.value.faults) == 4
