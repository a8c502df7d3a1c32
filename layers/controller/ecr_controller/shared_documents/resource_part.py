"""The part of a shared document that belongs to one resource of one stack."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from ecr_controller.deadline import undoing
from ecr_controller.errors import ControllerError, NotFound, UserError
from ecr_controller.shared_documents import converge
from ecr_controller.shared_documents.converge import Document, Part
from ecr_controller.shared_documents.ledger import Ledger, owner_of
from ecr_controller.shared_documents.parts import PartsTable, Row
from ecr_controller.stacks import Stacks

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ecr_controller.custom_resource.request import Request

D = TypeVar("D")
logger = logging.getLogger(__name__)

_REQUEST = "request"  # a mark of a part: the request that stored it


class SharedDocument(Document[D], Protocol[D]):
    """A document whose parts may outlive their owners, or the target that they were declared for."""

    def holds(self, current: D, part: Part) -> bool:
        """Whether ``current`` has all that the part declares; pure."""

    def is_younger_than(self, part: Part) -> bool:
        """Whether the target was created after the part was stored, and so is another one of the same name."""


class ResourcePart:
    """The part of a target that the resource of a request owns. Every method may raise UserError and RetryableError.

    ``physical_id`` is the id of the resource to which the part belongs. ``more`` distinguishes several parts that one
    resource has of one target.
    """

    def __init__(self, request: Request[Any], physical_id: str, target: str, *more: str) -> None:
        self._request, self._physical_id, self._target = request, physical_id, target
        self.owner = owner_of(request, *more)
        self.held = "|".join([target, *more])
        self._table, self._ledger = PartsTable(), Ledger(request)

    def stored_parts(self) -> tuple[Part, ...]:
        """The parts of all owners of the target."""
        return self._table.query_parts(self._target)

    def stored(self) -> Mapping[str, Any]:
        """The stored part, or an empty one."""
        part = self._stored()
        return {} if part is None else part.content

    def store(self, content: Mapping[str, Any]) -> None:
        """Store the part and its entry in the ledger, in one transaction."""
        self._ledger.begin(self.held, self._physical_id, self._row(content))

    def remove(self) -> None:
        """Delete the part and its entry in the ledger."""
        self._ledger.end(self.held, self._row({}))

    def declare(
        self, content: Mapping[str, Any], document: SharedDocument[Any], before: Mapping[str, Any] | None = None
    ) -> None:
        """Store the part and converge the document. A part that AWS rejects is withdrawn at once, because AWS would
        reject the parts of others together with it.

        ``before`` is the content that replaces a rejected part: what the resource declared before the request. An
        Update of a part that is stored already does not write a document that agrees.
        """
        living = WithoutObsoleteParts(document, self._request)
        if self._is_stored(content):
            if converge.converge(self._table, self._target, living):
                # The document did not have it: the target may be another one of the same name.
                self.store(content)
            return
        store = _Store(self)
        try:
            converge.declare(store, self._target, self.owner, content, living)
        except UserError:
            if store.has_put:
                with undoing():
                    self._take_back(document, before)
            raise
        if Part(self.owner, content) not in store.parts:
            raise UserError(
                f"Another request of {self._request.logical_id} changed what it declares of {self._target} at the same "
                "time. Deploy the stack again."
            )

    def withdraw(self, document: SharedDocument[Any]) -> None:
        """Withdraw the part and converge. The part and its entry in the ledger stay until the document agrees, so that
        a later request can repeat it."""
        living = WithoutObsoleteParts(document, self._request)
        try:
            converge.withdraw(_Store(self), self._target, self.owner, living)
        except NotFound as error:
            logger.info("Nothing is left to withdraw from %s: %s", self._target, error)
        self.remove()

    def _take_back(self, document: SharedDocument[Any], before: Mapping[str, Any] | None) -> None:
        try:
            if before is None:
                self.withdraw(document)
            else:
                self._table.put_part(self._target, self.owner, before)
        except ControllerError as error:
            logger.warning("The part of %s is left to the next request of %s: %s", self._target, self.owner, error)

    def _is_stored(self, content: Mapping[str, Any]) -> bool:
        """Whether an earlier request stored the part, so that it can stay as it is."""
        if self._request.type != "Update" or self._request.follows_failed_create:
            return False
        part = self._stored()
        # What this very request stored may not be in the document yet.
        return part is not None and part.content == content and part.marks.get(_REQUEST) != self._request.request_id

    def _stored(self) -> Part | None:
        return next((part for part in self.stored_parts() if part.owner == self.owner), None)

    def _row(self, content: Mapping[str, Any]) -> Row:
        return Row(self._target, self.owner, content, {_REQUEST: self._request.request_id})


class _Store:
    """The Parts of `converge`: the part is stored with its entry in the ledger, and withdrawn by a tombstone."""

    def __init__(self, part: ResourcePart) -> None:
        self._part, self._table = part, PartsTable()
        self.has_put = False
        self.parts: tuple[Part, ...] = ()  # those that were read last

    def put_part(self, _target: str, _owner: str, content: Mapping[str, Any]) -> None:
        self._part.store(content)
        self.has_put = True

    def delete_part(self, target: str, owner: str) -> None:
        self._table.withdraw_part(target, owner)

    def query_parts(self, target: str) -> tuple[Part, ...]:
        self.parts = self._table.query_parts(target)
        return self.parts


class WithoutObsoleteParts(Generic[D]):
    """A Document into which no part is written again whose stack is gone, or which was declared for another target of
    the same name. What the document still holds stays until somebody removes it.

    `render` asks AWS about the parts that the document does not hold.
    """

    def __init__(self, document: SharedDocument[D], request: Request[Any]) -> None:
        self._document, self._stack_id = document, request.stack_id
        self._exists = dict[str, bool]()

    def read(self) -> D:
        return self._document.read()

    def write(self, document: D) -> None:
        self._document.write(document)

    def render(self, current: D, parts: Sequence[Part]) -> D:
        return self._document.render(current, [part for part in parts if not self._is_obsolete(part, current)])

    def _is_obsolete(self, part: Part, current: D) -> bool:
        if part.stack_id == self._stack_id or self._document.holds(current, part):
            return False
        is_obsolete = self._document.is_younger_than(part) or not self._stack_exists(part.stack_id)
        if is_obsolete:
            logger.warning("The part of %s is left out because its stack or its target no longer exists", part.resource)
        return is_obsolete

    def _stack_exists(self, stack_id: str) -> bool:
        if stack_id not in self._exists:
            try:
                self._exists[stack_id] = Stacks().exists(stack_id)
            except UserError as error:
                logger.warning("The stack %s counts as existing, because it could not be read: %s", stack_id, error)
                self._exists[stack_id] = True
        return self._exists[stack_id]
