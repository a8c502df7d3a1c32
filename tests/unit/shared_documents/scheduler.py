"""All interleavings of writers that run the real code, where a step is one operation on the store or the document.

What a writer does next follows from what its operations answered. So it is run anew, from the answers so far, up to its
next operation: no threads, and nothing left to chance. A state that is reached twice is explored once; a writer at the
same instruction with the same local variables is in the same state, whatever it was answered before.

A read of the document may show any of its last ``lag + 1`` versions, however long ago they were replaced. A crash comes
before any operation and loses all that the writer knew. Its action is begun again, at once or later, or never.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from ecr_controller.shared_documents.converge import Part

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

TARGET = "repository-policy:team/app"
FOREIGN = ""  # the owner of a statement that is not part of a document
LATE = (FOREIGN, "added meanwhile")

Statement = tuple[str, int | str]  # its owner and its value
Statements = tuple[Statement, ...]


class Operation(NamedTuple):
    """What a writer does next: put, remove, parts, read or write."""

    name: str
    owner: str = ""
    value: Any = None


@dataclass(slots=True, eq=False)
class Point:
    """Where a writer is: in which of its actions, whether that was begun before, and what its operations answered."""

    writer: int
    action: int
    again: bool
    answers: tuple[Any, ...]
    operation: Operation
    following: dict[Any, Point | None] = field(default_factory=dict)


class World(NamedTuple):
    """A state of everything. The last version is the document. A writer that is done or dead is at no point."""

    parts: Statements
    versions: tuple[Statements, ...]
    writers: tuple[Point | None, ...]
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

    def state(self) -> str:
        """The instruction and the local variables of each function that the action is in."""
        frames = [frame for frame, _line in traceback.walk_tb(self.__traceback__)][2:]
        return repr([(frame.f_code.co_name, frame.f_lasti, frame.f_locals) for frame in frames])


@dataclass(slots=True)
class Replay:
    """Answers each operation as it was answered before, and suspends the writer at the first one beyond that."""

    answers: Iterator[Any] = field(repr=False)

    def do(self, name: str, owner: str = "", value: Any = None) -> Any:
        for answer in self.answers:
            return answer
        raise Suspended(Operation(name, owner, value))


class ReplayedParts(Replay):
    """The store of parts, for a writer."""

    def put_part(self, target: str, owner: str, content: Mapping[str, Any]) -> None:
        self.do("put", owner, content["value"])

    def delete_part(self, target: str, owner: str) -> None:
        self.do("remove", owner)

    def query_parts(self, target: str) -> tuple[Part, ...]:
        return tuple(Part(owner, {"value": value}) for owner, value in self.do("parts"))


class ReplayedDocument(Replay):
    """The document, for a writer."""

    def read(self) -> Statements:
        return tuple(self.do("read"))

    def write(self, document: Statements) -> None:
        self.do("write", value=document)

    def render(self, current: Statements, parts: Sequence[Part]) -> Statements:
        wanted = {part.owner: (part.owner, part.content["value"]) for part in parts}
        kept = [wanted.pop(owner, None) if owner else (owner, value) for owner, value in current]
        return (*(each for each in kept if each), *wanted.values())


# The last argument is whether a crash ended it before.
Action = Callable[[ReplayedParts, ReplayedDocument, bool], None]


class Scheduler:
    """Writers, each with the actions that it does one after the other, and by how many versions a read may lag."""

    def __init__(self, writers: Sequence[Sequence[Action]], lag: int = 0) -> None:
        self._writers = writers
        self._lag = lag
        self._points: dict[tuple[int, int, str], Point] = {}
        self._begun = cache(lambda writer, action, again: self._point(writer, action, (), again=again))

    def explore(
        self, parts: Statements, document: Statements, *, crashes: int = 0, edits: int = 0
    ) -> tuple[int, set[World]]:
        """The number of states that can be reached, and those in which all is over."""
        begun = tuple(self._begun(writer, 0, False) for writer in range(len(self._writers)))
        start = World(parts, (document,), begun, crashes, edits=edits)
        seen, finals, ahead = {start}, set[World](), [start]
        while ahead:
            world = ahead.pop()
            if not world.edits and not any(world.writers):
                finals.add(world)
            fresh = set(self._next(world)) - seen
            seen |= fresh
            ahead.extend(fresh)
        return len(seen), finals

    def _point(self, writer: int, action: int, answers: tuple[Any, ...], *, again: bool) -> Point | None:
        """Where the writer is after these answers; None when it is done."""
        if action == len(self._writers[writer]):
            return None
        replayed = iter(answers)
        try:
            self._writers[writer][action](ReplayedParts(replayed), ReplayedDocument(replayed), again)
        except Suspended as suspended:
            point = Point(writer, action, again, answers, suspended.operation)
            return self._points.setdefault((writer, action, suspended.state()), point)
        return self._begun(writer, action + 1, False)

    def _after(self, point: Point, answer: Any) -> Point | None:
        if answer not in point.following:
            answers = (*point.answers, answer)
            point.following[answer] = self._point(point.writer, point.action, answers, again=point.again)
        return point.following[answer]

    def _next(self, world: World) -> Iterator[World]:
        points = [point for point in world.writers if point]
        if world.edits:
            raced = world.raced or any(point.operation.name == "write" for point in points)
            versions = self._shown((*world.versions, (*world.document, LATE)))
            yield world._replace(versions=versions, edits=world.edits - 1, raced=raced)
        for point in points:
            others = world.writers[: point.writer], world.writers[point.writer + 1 :]
            for parts, versions, answer in self._done(world, point.operation):
                writers = (*others[0], self._after(point, answer), *others[1])
                yield World(parts, versions, writers, world.crashes, world.died, world.edits, world.raced)
            if world.crashes:
                again = self._begun(point.writer, point.action, True)
                crashes = world.crashes - 1
                yield world._replace(writers=(*others[0], again, *others[1]), crashes=crashes)
                yield world._replace(writers=(*others[0], None, *others[1]), crashes=crashes, died=True)

    def _done(self, world: World, operation: Operation) -> Iterator[tuple[Statements, tuple[Statements, ...], Any]]:
        """The parts and the versions after the operation, and its answer: several, where a read may lag."""
        parts, versions = world.parts, world.versions
        name, owner, value = operation
        match name:
            case "put" | "remove":
                others = [part for part in parts if part[0] != owner]
                mine = [(owner, value)] if name == "put" else []
                yield tuple(sorted(others + mine)), versions, None
            case "parts":
                yield parts, versions, parts
            case "read":
                yield from ((parts, versions, version) for version in set(versions))
            case "write":
                yield parts, self._shown((*versions, value)), None

    def _shown(self, versions: tuple[Statements, ...]) -> tuple[Statements, ...]:
        return versions[-1 - self._lag :]
