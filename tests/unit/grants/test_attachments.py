"""Two controllers share a policy: in every order of their calls, it ends attached exactly if one of them needs it."""

from __future__ import annotations

import itertools
import threading
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import boto3
import pytest

from ecr_controller.custom_resource.request import Home
from ecr_controller.grants.attachments import Attachments
from ecr_controller.grants.token_policies import _Attachment
from ecr_controller.principals.iam import PrincipalNotFound
from tests.unit.deployed import create_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

CALLS = 5  # at most, of one write


class Account:
    """The policy of one principal, and the controllers that need it."""

    def __init__(self, *controllers: str) -> None:
        self.attached, self.controllers = bool(controllers), set(controllers)


class Turns:
    """Runs functions at once, one call at a time, in a given order of their names."""

    def __init__(self) -> None:
        self._may_go: dict[str, threading.Semaphore] = {}
        self._paused: dict[str, threading.Semaphore] = {}

    def wait(self) -> None:
        """Called before each call."""
        name = threading.current_thread().name
        if name in self._may_go:
            self._paused[name].release()
            self._may_go[name].acquire()

    def run(self, functions: dict[str, Callable[[], None]], order: Sequence[str]) -> None:
        threads = {name: threading.Thread(target=self._ended, args=(name, each)) for name, each in functions.items()}
        for name, thread in threads.items():
            thread.name = name
            self._may_go[name], self._paused[name] = threading.Semaphore(0), threading.Semaphore(0)
            thread.start()
        for name in order:
            self._paused[name].acquire()
            self._may_go[name].release()
        for name, thread in threads.items():
            self._may_go[name].release(CALLS)
            thread.join()

    def _ended(self, name: str, function: Callable[[], None]) -> None:
        function()
        for _ in range(CALLS):
            self._paused[name].release()


class Controller:
    """One controller, in the places of AttachedPolicies and Attachments."""

    def __init__(self, name: str, account: Account, turns: Turns) -> None:
        self._name, self._account, self._turns = name, account, turns
        self.attachment = _Attachment("policy", cast("Any", None), cast("Attachments", self))
        self.attachment._policies = cast("Any", self)

    def _do(self, call: Callable[[], Any]) -> Any:
        self._turns.wait()
        return call()

    def is_attached(self, *_: object) -> bool:
        return bool(self._do(lambda: self._account.attached))

    def attach(self, *_: object) -> None:
        self._do(lambda: setattr(self._account, "attached", True))

    def detach(self, *_: object) -> None:
        self._do(lambda: setattr(self._account, "attached", False))

    def add(self) -> None:
        self._do(lambda: self._account.controllers.add(self._name))

    def remove(self) -> None:
        self._do(lambda: self._account.controllers.discard(self._name))

    def include_this(self) -> bool:
        return bool(self._do(lambda: self._name in self._account.controllers))

    def include_others(self) -> bool:
        return bool(self._do(lambda: bool(self._account.controllers - {self._name})))


def orders() -> Iterator[tuple[str, ...]]:
    """Every order of the calls of two writes."""
    for places in itertools.combinations(range(2 * CALLS), CALLS):
        yield tuple("ireland" if place in places else "virginia" for place in range(2 * CALLS))


@pytest.mark.parametrize(
    ("needed_before", "ireland", "virginia"),
    [
        ({"ireland"}, False, True),
        ({"ireland", "virginia"}, False, False),
        (set(), True, True),
        ({"virginia"}, True, False),
    ],
)
def test_the_policy_is_attached_exactly_while_a_controller_needs_it(
    needed_before: set[str], ireland: bool, virginia: bool
) -> None:
    for order in orders():
        account, turns = Account(*needed_before), Turns()
        first, second = (Controller(name, account, turns).attachment for name in ("ireland", "virginia"))
        turns.run({"ireland": partial(first.write, ireland), "virginia": partial(second.write, virginia)}, order)
        assert account.attached is (ireland or virginia), order
        assert first.read() is ireland
        assert second.read() is virginia


def test_a_controller_whose_policy_somebody_detached_agrees_with_neither_wish() -> None:
    account = Account("ireland")
    account.attached = False
    assert Controller("ireland", account, Turns()).attachment.read() is None


def test_a_controller_does_not_stay_among_those_that_need_a_policy_of_a_principal_that_is_gone() -> None:
    account = Account("ireland", "virginia")
    controller = Controller("ireland", account, Turns())

    def is_attached(*_: object) -> bool:
        raise PrincipalNotFound("The role does not exist.")

    controller.attachment._policies = cast("Any", SimpleNamespace(is_attached=is_attached))
    with pytest.raises(PrincipalNotFound):
        controller.attachment.read()
    assert account.controllers == {"virginia"}


def test_a_controller_with_policies_of_its_own_reads_no_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOME_REGION", raising=False)
    home = Home("aws", "us-east-1", "123456789012")
    assert Attachments.of("attached-policies/role", home) is None


def test_the_table_is_that_of_the_home_region(moto: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME_REGION", "eu-central-1")
    create_table(boto3.client("dynamodb", region_name="eu-central-1"), "PartsTable", "ecr-controller-attachments")
    found = list[tuple[bool, bool]]()
    for region, table in (("eu-central-1", "one"), ("us-east-1", "two")):
        monkeypatch.setenv("PARTS_TABLE", table)
        attachments = Attachments.of("attached-policies/role", Home("aws", region, "123456789012"))
        assert attachments is not None
        attachments.add()
        found.append((attachments.include_this(), attachments.include_others()))
        if table == "two":
            attachments.remove()
            found.append((attachments.include_this(), attachments.include_others()))
    assert found == [(True, False), (True, True), (False, True)]
