"""All interleavings of writers that run the real code, where a step is one operation on the store or the document.

A writer is a function of what its operations answered. So it is run anew, from the answers so far, up to its next
operation: no threads, and nothing left to chance. A state that is reached twice is explored once.

A read of the document may show any of its last ``lag + 1`` versions, however long ago they were replaced. A crash comes
before any operation, and loses all that the writer knew; it then begins anew, at once or later, or never.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from ecr_controller.declarations import Part

from collections.abc import Callable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

TARGET = "repository-policy:team/app"
FOREIGN = ""  # the owner of a statement that is nobody's part
LATE = (FOREIGN, "added meanwhile")

Statement = tuple[str, int | str]  # its owner and its value
Statements = tuple[Statement, ...]


class Operation(NamedTuple):
    """What a writer does next: put, remove, parts, read or write."""

    name: str
    owner: str = ""
    value: Any = None


class Progress(NamedTuple):
    """How far a writer is: in which of its actions, and what the operations of that action answered."""

    action: int = 0
    answers: tuple[Any, ...] = ()


class World(NamedTuple):
    """A state of everything. The last version is the document. A writer that is done or dead has no progress."""

    parts: Statements
    versions: tuple[Statements, ...]
    writers: tuple[Progress | None, ...]
    crashes: int = 0  # how many more there may be
    died: bool = False  # whether a writer crashed for ever
    edits: int = 0  # how many foreign statements are still to be added
    raced: bool = False  # whether one was added between a read and the write that followed it

    @property
    def document(self) -> Statements:
        return self.versions[-1]


class Suspended(BaseException):
    """A writer came to an operation that is not answered yet."""

    def __init__(self, operation: Operation) -> None:
        self.operation = operation


@dataclass(slots=True)
class Replay:
    """Answers each operation as it was answered before, and suspends the writer at the first one beyond that."""

    answers: Iterator[Any]

    def do(self, name: str, owner: str = "", value: Any = None) -> Any:
        for answer in self.answers:
            return answer
        raise Suspended(Operation(name, owner, value))


class ReplayedParts(Replay):
    """The store of parts, for a writer."""

    def put(self, target: str, owner: str, content: Mapping[str, Any]) -> None:
        self.do("put", owner, content["value"])

    def remove(self, target: str, owner: str) -> None:
        self.do("remove", owner)

    def read(self, target: str) -> tuple[Part, ...]:
        return tuple(Part(owner, {"value": value}) for owner, value in self.do("parts"))


class ReplayedDocument(Replay):
    """The document, for a writer."""

    def read(self) -> Statements:
        read: Statements = self.do("read")
        return read

    def write(self, document: Statements) -> None:
        self.do("write", value=document)

    def render(self, current: Statements, parts: Sequence[Part]) -> Statements:
        wanted = {part.owner: (part.owner, part.content["value"]) for part in parts}
        kept = [wanted.pop(owner, None) if owner else (owner, value) for owner, value in current]
        return (*(each for each in kept if each), *wanted.values())


Action = Callable[[ReplayedParts, ReplayedDocument], None]


@dataclass(frozen=True)
class Scheduler:
    """The writers, each with the actions that it does one after the other, and how far a read may lag."""

    writers: tuple[tuple[Action, ...], ...]
    lag: int = 0

    def explore(self, start: World) -> tuple[int, set[World]]:
        """The number of states that can be reached, and those in which each writer is done or dead."""
        following = cache(self._following)
        seen, finals, ahead = {start}, set[World](), [start]
        while ahead:
            world = ahead.pop()
            if not any(world.writers):
                finals.add(world)
            fresh = set(self._next(world, following)) - seen
            seen |= fresh
            ahead.extend(fresh)
        return len(seen), finals

    def _following(self, number: int, progress: Progress) -> Operation | None:
        """What the writer does next; None when its action is done."""
        replayed = iter(progress.answers)
        try:
            self.writers[number][progress.action](ReplayedParts(replayed), ReplayedDocument(replayed))
        except Suspended as suspended:
            return suspended.operation
        return None

    def _next(self, world: World, following: Callable[[int, Progress], Operation | None]) -> Iterator[World]:
        operations = {number: following(number, progress) for number, progress in enumerate(world.writers) if progress}
        if world.edits:
            raced = any(operation and operation.name == "write" for operation in operations.values())
            edited = self._written(world, (*world.document, LATE))
            yield edited._replace(edits=world.edits - 1, raced=world.raced or raced)
        for number, operation in operations.items():
            action, answers = world.writers[number] or Progress()
            for after, answer in self._done(world, operation):
                progress = Progress(action, (*answers, answer))
                yield _with(after, number, self._rested(number, progress) if following(number, progress) is None else progress)
            if world.crashes:
                crashed = world._replace(crashes=world.crashes - 1)
                yield _with(crashed, number, Progress(action))
                yield _with(crashed._replace(died=True), number, None)

    def _rested(self, number, progress):
        return Progress(progress.action+1) if progress.action+1 < len(self.writers[number]) else None

    def _done(self, world: World, operation: Operation) -> Iterator[tuple[World, Any]]:
        """The world after the operation, and its answer: several, where a read may lag."""
        name, owner, value = operation
        match name:
            case "put" | "remove":
                others = [part for part in world.parts if part[0] != owner]
                mine = [(owner, value)] if name == "put" else []
                yield world._replace(parts=tuple(sorted(others + mine))), None
            case "parts":
                yield world, world.parts
            case "read":
                yield from ((world, version) for version in set(world.versions))
            case "write":
                yield self._written(world, value), None

    def _written(self, world: World, document: Statements) -> World:
        return world._replace(versions=(*world.versions, document)[-1 - self.lag :])


def _with(world: World, number: int, progress: Progress | None) -> World:
    return world._replace(writers=(*world.writers[:number], progress, *world.writers[number + 1 :]))
