"""The ledger on moto: what is begun is found by later requests of the resource, whatever they declare."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ecr_controller.custom_resource.request import Request
from ecr_controller.shared_documents.ledger import Entry, Ledger, owner_of
from ecr_controller.shared_documents.parts import PartsTable, Row
from ecr_controller.stacks import Stacks
from tests.unit.conftest import STACK_ID, request

if TYPE_CHECKING:
    from tests.unit.conftest import Event

OLD, NEW, OTHER = "team/old|Images", "team/new|Images", "team/other|Images"
MADE_UP = "shop-Images-1ABCDEFGHIJK"


def ledger(event: Event) -> Ledger:
    typed: Request[Any] = Request.from_event(
        {
            "RequestType": event.type,
            "RequestId": event.request_id,
            "StackId": event.stack_id,
            "LogicalResourceId": event.logical_id,
            "PhysicalResourceId": event.physical_id,
        },
        deadline=0,
    )
    return Ledger(typed.declaring("ECRRepositoryGrant", None, None, None))


def part(event: Event, target: str) -> Row:
    return Row(target, f"{event.stack_id}|{event.logical_id}", {"statements": []})


def begin(event: Event, physical_id: str, target: str) -> None:
    ledger(event).begin(target, physical_id, part(event, target))


def held(entries: object) -> list[str]:
    assert isinstance(entries, (list, tuple))
    return [entry.held for entry in entries]


@pytest.fixture
def deleting(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The stacks that are being deleted."""
    stacks = set[str]()
    monkeypatch.setattr(Stacks, "is_being_deleted", lambda _self, stack_id: stack_id in stacks)
    return stacks


@pytest.fixture(autouse=True)
def table(parts: PartsTable, deleting: set[str]) -> PartsTable:
    return parts


def test_an_entry_and_its_part_are_stored_and_removed_together(table: PartsTable) -> None:
    create = request("Create")
    begin(create, OLD, "repository-policy/team/old")
    assert ledger(create).entries() == (Entry("repository-policy/team/old", OLD, "request-1"),)
    assert len(table.query_parts("repository-policy/team/old")) == 1
    ledger(create).end("repository-policy/team/old", part(create, "repository-policy/team/old"))
    assert (ledger(create).entries(), table.query_parts("repository-policy/team/old")) == ((), ())


def test_another_resource_or_stack_has_another_ledger() -> None:
    begin(request("Create"), OLD, "t")
    assert ledger(request("Create", logical_id="Other")).entries() == ()
    assert ledger(request("Create", stack_id=f"{STACK_ID}0")).entries() == ()


def test_what_was_there_before_is_written_once() -> None:
    create, again = request("Create"), request("Create", request_id="request-2")
    begun = ledger(create).begin_once("team/old", "team/old", {"replaced": "theirs"})
    assert begun == Entry("team/old", "team/old", "request-1", {"replaced": "theirs"})
    assert ledger(again).begin_once("team/old", "team/old", {"replaced": "ours"}) is None
    assert ledger(again).entries() == (begun,)


def test_an_update_withdraws_what_it_no_longer_declares_and_what_a_failed_one_left() -> None:
    withdrawn = list[str]()
    begin(request("Create"), OLD, "kept")
    begin(request("Create"), OLD, "removed")
    begin(request("Update", physical_id=OLD, request_id="failed"), OTHER, "left")
    ledger(request("Update", physical_id=OLD)).settle(OLD, lambda entry: withdrawn.append(entry.held), ["kept"])
    assert withdrawn == ["left", "removed"]


def test_an_update_keeps_what_was_retained_under_another_id() -> None:
    withdrawn = list[str]()
    begin(request("Create"), OLD, "retained")
    replacing = request("Update", physical_id=OLD, request_id="request-2")
    begin(replacing, NEW, "new")
    ledger(replacing).settle(NEW, lambda entry: withdrawn.append(entry.held), ["new"])
    # UpdateReplacePolicy: Retain, so no Delete of the old ID.
    in_place = request("Update", physical_id=NEW, request_id="request-3")
    ledger(in_place).settle(NEW, lambda entry: withdrawn.append(entry.held), ["new"])
    assert withdrawn == []


def test_the_rollback_of_a_replacement_that_cloudformation_never_heard_of_withdraws_it() -> None:
    withdrawn = list[str]()
    begin(request("Create"), OLD, "old")
    replacing = request("Update", physical_id=OLD, request_id="request-2")
    begin(replacing, NEW, "new")
    ledger(replacing).settle(NEW, lambda entry: withdrawn.append(entry.held), ["new"])
    rollback = request("Update", physical_id=OLD, request_id="request-3")
    ledger(rollback).settle(OLD, lambda entry: withdrawn.append(entry.held), ["old"])
    assert withdrawn == ["new"]


def test_a_replacement_keeps_what_belongs_to_the_id_before_it_and_is_pending_until_it_is_complete() -> None:
    withdrawn, update = list[str](), request("Update", physical_id=OLD, request_id="request-2")
    begin(request("Create"), OLD, "old")
    begin(update, NEW, "new")
    assert [(entry.held, entry.replaces, entry.is_pending) for entry in ledger(update).entries()] == [
        ("new", OLD, True),
        ("old", "", False),
    ]
    ledger(update).settle(NEW, lambda entry: withdrawn.append(entry.held), ["new"])
    assert withdrawn == []
    assert [(entry.held, entry.is_pending) for entry in ledger(update).entries()] == [("new", False), ("old", False)]


def test_the_clean_up_after_a_replacement_leaves_the_replacement_and_any_other_delete_does_not(
    deleting: set[str],
) -> None:
    update = request("Update", physical_id=OLD, request_id="request-2")
    begin(request("Create"), OLD, "old")
    begin(update, NEW, "new")
    delete = ledger(request("Delete", physical_id=OLD))
    assert held(delete.to_delete(OLD)) == ["new", "old"], "the replacement failed"
    ledger(update).settle(NEW, lambda _entry: None, ["new"])
    assert held(delete.to_delete(OLD)) == ["old"], "the clean-up after it was answered"
    assert held(delete.to_delete(NEW)) == ["new", "old"], "the properties are those of the replacement"
    deleting.add(STACK_ID)
    assert held(delete.to_delete(OLD)) == ["new", "old"], "CloudFormation never received the answer"


def test_a_retained_part_of_an_earlier_id_stays_when_the_stack_is_deleted(deleting: set[str]) -> None:
    update = request("Update", physical_id=OLD, request_id="request-2")
    begin(request("Create"), OLD, "retained")
    begin(update, NEW, "new")
    ledger(update).settle(NEW, lambda _entry: None, ["new"])
    deleting.add(STACK_ID)
    assert held(ledger(request("Delete", physical_id=NEW)).to_delete(NEW)) == ["new"]


@pytest.mark.parametrize(
    ("physical_id", "found"),
    [
        (MADE_UP, ["t"]),
        ("shop-Images-123456789012", []),
        ("shop-Images-short", []),
        ("shop-Other-1ABCDEFGHIJK", []),
        ("team/other|Images", []),
        ("", []),
    ],
)
def test_an_id_that_cloudformation_made_up_stands_for_all_that_a_create_began(
    physical_id: str, found: list[str]
) -> None:
    begin(request("Create"), OLD, "t")
    assert held(ledger(request("Delete", physical_id=physical_id)).to_delete()) == found


def test_what_was_retained_before_a_create_that_was_never_answered_stays(table: PartsTable) -> None:
    begin(request("Create", request_id="retained"), OLD, "earlier")
    [stored] = table.query_parts(f"owner/ECRRepositoryGrant/{STACK_ID}|Images")
    marks = {**stored.marks, "since": f"{stored.since - 3 * 3600:.0f}"}
    table.put_part(f"owner/ECRRepositoryGrant/{STACK_ID}|Images", stored.owner, stored.content, marks)
    begin(request("Create", request_id="unanswered"), NEW, "t")
    assert held(ledger(request("Delete", physical_id=MADE_UP)).to_delete()) == ["t"]


def test_what_a_failed_create_began_is_found_by_its_request() -> None:
    begin(request("Create", request_id="retained"), OLD, "earlier")
    begin(request("Create", request_id="failed"), NEW, "t")
    assert held(ledger(request("Delete")).of_create("failed")) == ["t"]


def test_the_owner_of_a_part_is_its_resource_and_what_distinguishes_it() -> None:
    typed: Any = Request.from_event({"RequestId": "r", "StackId": STACK_ID, "LogicalResourceId": "Images"}, deadline=0)
    assert owner_of(typed, "more") == f"{STACK_ID}|Images|more"
