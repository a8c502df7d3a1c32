"""A stack with several resources, from deployment to deployment: what CloudFormation asks for, and what must be then.

The measure is a stack that is created anew: whatever has happened to a stack, the account must look as if its present
template had been created in one go, and after its deletion as if it had never been there.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.faults import scenarios as declared
from tests.faults.account import QUEUE, ROLE, TOPIC, USER, difference, foreign
from tests.faults.cloudformation import Stack
from tests.faults.faults import Met
from tests.faults.functions import Broken

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.faults.cloudformation import Json
    from tests.faults.functions import Answer
    from tests.faults.laboratory import Laboratory

Template = dict[str, int]
"""For each resource, by logical id, the number of its alternative below."""

_PULL: Json = {"RepositoryName": "shared/app", "Grantee": ROLE["web"], "Access": "Pull"}
_FREE: Json = {"RepositoryName": "lifecycle/bare", **declared.RULES}
_TAKEN: Json = {"RepositoryName": "lifecycle/app", "OnExisting": "Replace"}
_ROUTE: Json = {"RepositoryName": "team/*", "Targets": [QUEUE["one"]]}
ALTERNATIVES: Mapping[str, tuple[str, list[Json]]] = {
    "Named": (
        "Custom::ECRRepository",
        [
            declared.NAMED,
            {**declared.FULL, **declared.STATED},
            {**declared.OTHER, **declared.RESTATED},
            {**declared.SETTINGS, **declared.RENAMED, **declared.STATED},
        ],
    ),
    "Generated": (
        "Custom::ECRRepository",
        [{}, {"ImageScanOnPush": True, **declared.STATED}, {"Encryption": "KMS"}],
    ),
    "Adopted": (
        "Custom::ECRRepository",
        [declared.ADOPTED, {**declared.SETTINGS, **declared.ADOPTED}, {**declared.ADOPTED, **declared.STATED}],
    ),
    "Policy": (
        "Custom::ECRLifecyclePolicy",
        [_FREE, {**_FREE, **declared.OTHER_RULES}, {**_TAKEN, **declared.RULES}],
    ),
    "Grant": (
        "Custom::ECRRepositoryGrant",
        [
            _PULL,
            {**_PULL, "Access": "PullPush"},
            {**_PULL, "Grantee": USER},
            {**_PULL, "RepositoryName": "adopt/app"},
        ],
    ),
    "Token": ("Custom::ECRAuthorizationTokenGrant", [{"Grantee": ROLE["web"]}, {"Grantee": USER}]),
    "Route": (
        "Custom::ECRImageScanRoute",
        [_ROUTE, {**_ROUTE, "Targets": [TOPIC]}, {**_ROUTE, "RepositoryName": "other/*"}],
    ),
}
INVENTED = "shop-{}-1ABCDEFGHIJK"  # a physical ID that CloudFormation makes up where nobody answered
FORMER: Json = {"FormerProperty": "of an older version"}


@dataclass(frozen=True, slots=True)
class Mishap:
    """What goes wrong with the requests for one resource.

    ``twice``: each is delivered twice. ``death``: the first dies after its ``call``-th call, and is answered for;
    ``death-again``: it is delivered again. ``throttled-call``, ``denied-forever``, ``late``: see `faults`.
    ``unanswered``: a Create dies and nobody answers; ``cancelled``: it is never sent. CloudFormation then makes up a
    physical ID. In the last two the deployment fails.
    """

    logical_id: str
    kind: str
    call: int


KINDS = ("none", "twice", "death", "death-again", "throttled-call", "denied-forever", "late", "unanswered", "cancelled")


@dataclass(slots=True)
class History:
    """See above. ``template`` is what is deployed, None without a stack."""

    lab: Laboratory
    template: Template | None = None
    stacks: int = 0
    mishap: Mishap | None = None
    older: bool = False
    expected: dict[str, Json] = field(default_factory=dict)
    stack: Stack = field(init=False)
    foreign: Json = field(init=False)

    def __post_init__(self) -> None:
        self._begin()
        self.foreign = foreign(self.lab.account.state(), self.lab.theirs.id)

    def _begin(self) -> None:
        """The account without a stack."""
        self.stack = Stack("shop", "")
        self.lab.reset(self.lab.blank, self.stack, "history")
        del self.lab.cloudformation.stacks[self.stack.id]
        self.template = None

    # ---------------------------------------------------------------- what a user does
    def deploy(self, template: Template, mishap: Mishap, *, neighbour_fails: bool, older: bool) -> None:
        """Create the stack, or update it, and roll it back if something fails."""
        self.mishap, self.older = mishap, older
        before = self.template
        if before is None:
            self.stacks += 1
            self.stack = self.lab.cloudformation.add(Stack("shop", f"{self.stacks:08d}-2222-3333-4444-555555555555"))
        verb = "CREATE" if before is None else "UPDATE"
        self.stack.status = f"{verb}_IN_PROGRESS"
        self._note(f"{verb} to {template} from {before}, {mishap}")
        done: list[tuple[str, str]] = []
        succeeded = all(self._change(each, before or {}, template, done) for each in ALTERNATIVES)
        if succeeded and not neighbour_fails:
            self._complete(before or {}, template, done)
        else:
            self._roll_back(before, template, done)
        self.mishap = None

    def delete(self, mishap: Mishap, retained: str = "") -> None:
        """Delete the stack, except for a resource that it retains."""
        self.mishap, self.older = mishap, False
        template, self.stack.status = self.template or {}, "DELETE_IN_PROGRESS"
        self._note(f"DELETE of {template}, {mishap}, retaining {retained}")
        for logical_id in reversed(list(template)):
            if logical_id != retained:
                self._delete(logical_id, template[logical_id])
        self.mishap = None
        if retained in template:
            self._must_be_as_if_new({retained: template[retained]})
            self._begin()
        else:
            self._gone()

    def check(self) -> None:
        """Raises Broken unless the account looks as if the template had just been created."""
        self._must_be_as_if_new(self.template or {})

    # ---------------------------------------------------------------- what CloudFormation does
    def _change(self, logical_id: str, before: Template, after: Template, done: list[tuple[str, str]]) -> bool:
        """Create or update a resource, if it differs: whether that succeeded. ``done`` gets its former physical ID."""
        old, new = before.get(logical_id), after.get(logical_id)
        if new is None or old == new:
            return True
        if old is not None:
            done.append((logical_id, self.stack.resources[logical_id].physical))
            return self._update(logical_id, new, old).succeeded
        done.append((logical_id, ""))
        return self._create(logical_id, new)

    def _create(self, logical_id: str, number: int) -> bool:
        event = self._event("Create", logical_id, number)
        kind = self._mishap_of(logical_id).kind
        if kind in ("unanswered", "cancelled"):
            if kind == "unanswered":
                self.lab.functions.deliver(event, Met("death", self._mishap_of(logical_id).call, self.lab.clock))
            self.stack.answered(event, "FAILED", INVENTED.format(logical_id))
            return False
        return self._deliver(event).succeeded

    def _update(self, logical_id: str, new: int, old: int) -> Answer:
        return self._deliver(self._event("Update", logical_id, new, old))

    def _delete(self, logical_id: str, number: int) -> None:
        """Delete a resource; once more where that failed."""
        if not self._deliver(self._event("Delete", logical_id, number)).succeeded:
            self._must_succeed(self._deliver(self._event("Delete", logical_id, number)), "second Delete")
        del self.stack.resources[logical_id]

    def _clean_up(self, logical_id: str, number: int, physical: str) -> None:
        properties = {**ALTERNATIVES[logical_id][1][number], **(FORMER if self.older else {})}

        def event() -> Json:
            return self.stack.clean_up(ALTERNATIVES[logical_id][0], logical_id, properties, physical)

        if not self._deliver(event(), taken=False).succeeded:
            self._must_succeed(self._deliver(event(), taken=False), "second clean-up")

    def _complete(self, before: Template, after: Template, done: list[tuple[str, str]]) -> None:
        self.stack.status = "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS" if before else "CREATE_COMPLETE"
        for logical_id, physical in done:
            if physical and physical != self.stack.resources[logical_id].physical:
                self._clean_up(logical_id, before[logical_id], physical)
        for logical_id in [each for each in before if each not in after]:
            self._delete(logical_id, before[logical_id])
        if before:
            self.stack.status = "UPDATE_COMPLETE"
        self.template = {each: after[each] for each in ALTERNATIVES if each in after}

    def _roll_back(self, before: Template | None, after: Template, done: list[tuple[str, str]]) -> None:
        self.stack.status = "ROLLBACK_IN_PROGRESS" if before is None else "UPDATE_ROLLBACK_IN_PROGRESS"
        replacements = [
            (logical_id, current)
            for logical_id, physical in done
            if physical and (current := self._roll_back_one(logical_id, (before or {})[logical_id], after[logical_id]))
        ]
        if before is not None:
            self.stack.status = "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS"
        for logical_id, physical in replacements:
            self._clean_up(logical_id, after[logical_id], physical)
        for logical_id in [each for each, physical in reversed(done) if not physical]:
            self._delete(logical_id, after[logical_id])
        if before is None:
            self._gone()
        else:
            self.stack.status = "UPDATE_ROLLBACK_COMPLETE"

    def _roll_back_one(self, logical_id: str, before: int, after: int) -> str:
        """The Update back of a resource; the physical ID that it replaced, if it did."""
        current = self.stack.resources[logical_id].physical
        answer = self._update(logical_id, before, after)
        if not answer.succeeded:  # UPDATE_ROLLBACK_FAILED, then ContinueUpdateRollback
            answer = self._update(logical_id, before, after)
        self._must_succeed(answer, "rollback")
        return current if answer.physical != current else ""

    def _gone(self) -> None:
        self.lab.cloudformation.stacks.pop(self.stack.id)
        self.template = None

    # ---------------------------------------------------------------- requests
    def _event(self, kind: str, logical_id: str, number: int, old: int | None = None) -> Json:
        type_, alternatives = ALTERNATIVES[logical_id]
        former = FORMER if self.older else {}
        if kind == "Delete":
            return self.stack.request(kind, type_, logical_id, {**alternatives[number], **former})
        properties = None if old is None else {**alternatives[old], **former}
        return self.stack.request(kind, type_, logical_id, alternatives[number], properties)

    def _mishap_of(self, logical_id: str) -> Mishap:
        happens = self.mishap is not None and self.mishap.logical_id == logical_id
        return self.mishap if self.mishap is not None and happens else Mishap(logical_id, "none", 0)

    def _deliver(self, event: Json, *, taken: bool = True) -> Answer:
        """The answer to a request, which the stack takes unless it is to a clean-up."""
        mishap = self._mishap_of(event["LogicalResourceId"])
        match mishap.kind:
            case "twice":
                first = self.lab.deliver(event).answer
                answer = self.lab.deliver(event).answer
                if (first.status, first.physical) != (answer.status, answer.physical):
                    raise Broken("A request that is delivered twice is answered differently", str(first), str(answer))
            case "death" | "death-again" | "throttled-call" | "denied-forever" | "late":
                self.mishap = None  # once
                fault = Met(mishap.kind.removesuffix("-again"), mishap.call, self.lab.clock)
                answer = self.lab.deliver(event, fault, again=mishap.kind.endswith("-again")).answer
            case _:
                answer = self.lab.deliver(event).answer
        if taken:
            self.stack.answered(event, answer.status, answer.physical)
        self._check_foreign()
        return answer

    # ---------------------------------------------------------------- what must hold
    def _must_succeed(self, answer: Answer, what: str) -> None:
        if not answer.succeeded:
            raise Broken(f"The {what} is answered FAILED", answer.reason)

    def _check_foreign(self) -> None:
        if lines := difference(self.foreign, foreign(self.lab.account.state(), self.lab.theirs.id)):
            raise Broken("Something of others was changed", *lines)

    def _must_be_as_if_new(self, template: Template) -> None:
        found = self._comparable()
        if lines := difference(self._as_if_new(template), found):
            raise Broken("The account does not look as if the template had just been created", *lines)

    def _as_if_new(self, template: Template) -> Json:
        key = json.dumps(template, sort_keys=True)
        if key not in self.expected:
            kept = self.stack, self.template, self.lab.cloudformation.stacks, list(self.lab.log), self.older
            version = self.lab.moto.version
            self._begin()
            self.older = False
            self.stack = self.lab.cloudformation.add(Stack("shop", "99990000-2222-3333-4444-555555555555"))
            self.stack.status = "CREATE_IN_PROGRESS"
            for logical_id, number in template.items():
                answer = self.lab.deliver(event := self._event("Create", logical_id, number)).answer
                self._must_succeed(answer, f"Create of {logical_id}")
                self.stack.answered(event, answer.status, answer.physical)
            self.expected[key] = self._comparable()
            self.stack, self.template, self.lab.cloudformation.stacks, self.lab.log[:], self.older = kept
            self.lab.moto.go_to(version)
        return self.expected[key]

    def _comparable(self) -> Json:
        """The state with names in place of what differs from stack to stack. Of rows, only that they are there."""
        state = self.lab.account.state()
        for repository in (value for key, value in state.items() if key.startswith("repository ")):
            repository["tags"].pop("ecr-controller:replaces", None)  # says only where it comes from
        text = json.dumps({key: key.startswith("part ") or value for key, value in state.items()}, sort_keys=True)
        names = {self.stack.id: "(stack)", self.stack.uuid or "(none)": "(uuid)"}
        generated = self.stack.resources.get("Generated")
        if generated is not None and generated.physical:
            names[generated.physical] = "(generated)"
        for name, placeholder in names.items():
            text = text.replace(name, placeholder)
        found: Json = json.loads(text)
        return found

    def _note(self, what: str) -> None:
        self.lab.log.append(f"== {what}")


def told(history: History, action: Callable[[], None]) -> None:
    """Do it, and where something does not hold, say all that has happened. Raises AssertionError."""
    try:
        action()
    except Broken as broken:
        lines = [str(broken), *(f"  {line}" for line in broken.details), *history.lab.log]
        raise AssertionError("\n".join(lines)) from None
