"""A custom resource request with its properties parsed, and the result of carrying it out."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from ecr_controller.custom_resource import answer
from ecr_controller.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ecr_controller.errors import InvalidProperties

S = TypeVar("S")

# Seconds, and a margin: CloudFormation waits at most an hour for the answer to a Create.
LONGEST_CREATE = 2 * 3600.0
MAX_ID = 1024  # characters
_STACK = re.compile(r"arn:[a-z0-9-]+:cloudformation:[a-z0-9-]+:[0-9]{12}:stack/[A-Za-z][A-Za-z0-9-]*/[!-~]+")
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Home:
    """Where a stack lives. Its controller lives there too: a service token is of the same account and Region."""

    partition: str
    region: str
    account: str

    @classmethod
    def of(cls, stack_id: str) -> Home:
        """Of ``arn:PARTITION:cloudformation:REGION:ACCOUNT:stack/NAME/UUID``. Raises UserError for any other text."""
        if not _STACK.fullmatch(stack_id):
            raise UserError(f"StackId {stack_id} is not the ARN of a stack.")
        _, partition, _, region, account, _ = stack_id.split(":", 5)
        return cls(partition, region, account)

    @classmethod
    def of_function(cls, arn: str) -> Home:
        """Of ``arn:PARTITION:lambda:REGION:ACCOUNT:function:NAME``, which Lambda gives the function."""
        _, partition, _, region, account, *_ = arn.split(":")
        return cls(partition, region, account)


def refuse_malformed(event: Mapping[str, Any]) -> None:
    """Raise UserError for an event that does not have the form of CloudFormation's requests."""
    texts = {key: event[key] for key in ("RequestId", "LogicalResourceId", "StackId")}
    for key in ("RequestType", "ResourceType", "PhysicalResourceId"):
        if event.get(key) is not None:
            texts[key] = event[key]
    wrong = [key for key, value in texts.items() if not _is_text(value)]
    if event.get("RequestType") != "Delete":  # which may delete what was invalid
        maps = {key: event.get(key) or {} for key in ("ResourceProperties", "OldResourceProperties")}
        wrong += [key for key, value in maps.items() if not isinstance(value, dict)]
    if wrong:
        raise UserError(f"The event is not a request of CloudFormation. Values with another form: {', '.join(wrong)}.")
    Home.of(event["StackId"])


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= MAX_ID and not _SURROGATE.search(value)


@dataclass(frozen=True, slots=True)
class Request(Generic[S]):
    """A request of CloudFormation, without the signed ResponseURL. ``S`` is what the type's properties declare.

    ``physical_id`` is never empty: see `answer.physical_id_of`. ``deadline`` and ``received_at`` are a ``time.time()``.
    ``type_name`` is the type that serves the request, whatever the template calls it. ``old`` is what was declared
    before: OldResourceProperties of an Update, ResourceProperties of a Delete. They may be invalid, so it contains
    their valid values, and is None if required values are missing.
    """

    type: str
    request_id: str
    stack_id: str
    logical_id: str
    resource_type: str
    physical_id: str
    deadline: float
    received_at: float = field(default_factory=time.time)
    type_name: str = ""
    old: S | None = None
    _declared: S | None = None
    _invalid: InvalidProperties | None = None
    noted: list[tuple[str, str]] = field(default_factory=list)
    """What happened, as names of events, each with its repository. All copies of the request share it."""

    def note(self, event: str, repository: str) -> None:
        """Note what happened to a repository, for the events that are sent after the answer."""
        self.noted.append((event, repository))

    @classmethod
    def from_event(cls, event: Mapping[str, Any], deadline: float) -> Request[S]:
        """The request in the event, without its properties. Raises KeyError for an event that cannot be answered.

        It may be malformed: see `refuse_malformed`.
        """
        return cls(
            type=event.get("RequestType", ""),
            request_id=event["RequestId"],
            stack_id=event["StackId"],
            logical_id=event["LogicalResourceId"],
            resource_type=event.get("ResourceType", ""),
            physical_id=answer.physical_id_of(event),
            deadline=deadline,
        )

    def declaring(
        self, type_name: str, declared: S | None, invalid: InvalidProperties | None, old: S | None
    ) -> Request[S]:
        """The request with its properties parsed. ``invalid`` is what `spec` raises, if they are."""
        return replace(self, type_name=type_name, _declared=declared, _invalid=invalid, old=old)

    @property
    def spec(self) -> S:
        """What ResourceProperties declare in a Create or an Update. Raises InvalidProperties.

        Read it before you change anything.
        """
        if self._invalid is not None:
            raise self._invalid
        if self._declared is None:
            raise LookupError(f"A {self.type} declares nothing.")
        return self._declared

    def with_spec(self, spec: S) -> Request[S]:
        """The request with another declaration, which was completed by what AWS says."""
        return replace(self, _declared=spec)

    @property
    def has_made_up_id(self) -> bool:
        """Whether CloudFormation made up the physical id: the Create ended without an answer, or before it.

        It is ``<stack name>-<logical id>-<random>``, as in https://github.com/remind101/empire/issues/918. A name of a
        repository, which has no capital letter, is none.
        """
        readable = re.escape(f"{self.stack_name}-{self.logical_id}-")
        return re.fullmatch(f"{readable}(?=.*[A-Z])[A-Z0-9]{{12,13}}", self.physical_id) is not None

    @property
    def follows_failed_create(self) -> bool:
        """Whether it is an Update of a resource whose Create was answered FAILED."""
        return self.type == "Update" and self.physical_id.startswith(answer.FAILED_CREATE)

    @property
    def undoes_create(self) -> bool:
        """Whether it is a Delete of what a Create left that was answered FAILED, or was never answered."""
        return self.type == "Delete" and (self.physical_id.startswith(answer.FAILED_CREATE) or self.has_made_up_id)

    @property
    def specs(self) -> list[S]:
        """What is declared now, except in a Delete, and what was declared before. Raises InvalidProperties."""
        specs = [None if self.type == "Delete" else self.spec, self.old]
        return [spec for spec in specs if spec is not None]

    @property
    def home(self) -> Home:
        """The partition, Region and account of the stack. Raises UserError."""
        return Home.of(self.stack_id)

    @property
    def stack_name(self) -> str:
        """The name of the stack."""
        return self.stack_id.split("/")[1] if "/" in self.stack_id else self.stack_id


@dataclass(frozen=True, slots=True)
class Result:
    """The outcome of a request: the physical id, which `Ref` returns, and the attributes that `GetAtt` returns."""

    physical_id: str
    data: Mapping[str, Any] = field(default_factory=dict)
    no_echo: bool = False
