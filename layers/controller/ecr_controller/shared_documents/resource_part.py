"""The part of a shared document that belongs to one resource of one stack."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ecr_controller.errors import UserError
from ecr_controller.shared_documents import converge
from ecr_controller.shared_documents.parts import PartsTable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ecr_controller.custom_resource.request import Request
    from ecr_controller.shared_documents.converge import Document

_REQUEST = "request"  # in a stored part: the id of the request that stored it


class ResourcePart:
    """The part of a target that the resource of a request owns. Every method may raise UserError and RetryableError.

    ``more`` distinguishes several parts that one resource has of one target.
    """

    def __init__(self, request: Request[Any], target: str, *more: str) -> None:
        self._request = request
        self._target = target
        self._owner = owner_of(request, *more)
        self._table = PartsTable()

    def stored(self) -> Mapping[str, Any]:
        """The stored part, or an empty one."""
        parts = self._table.query_parts(self._target)
        return next((part.content for part in parts if part.owner == self._owner), {})

    def was_stored_by(self, request_id: str) -> bool:
        """Whether the request with this id stored the part."""
        return self.stored().get(_REQUEST) == request_id

    def put(self, content: Mapping[str, Any]) -> None:
        """Store the part, without a document."""
        self._table.put_part(self._target, self._owner, {**content, _REQUEST: self._request.request_id})

    def remove(self) -> None:
        """Delete the part, without a document."""
        self._table.delete_part(self._target, self._owner)

    def declare(
        self, content: Mapping[str, Any], document: Document[Any], before: Mapping[str, Any] | None = None
    ) -> None:
        """Store the part and converge the document. A part that AWS rejects is withdrawn at once, because AWS would
        reject the parts of others together with it.

        ``before`` is the content that replaces a rejected part: what the resource declared before the request. An
        Update of a part that is stored already does not write a document that agrees.
        """
        if self._request.type == "Update" and self._is_stored(content):
            converge.converge(self._table, self._target, document)
            return
        signed = {**content, _REQUEST: self._request.request_id}
        try:
            converge.declare(self._table, self._target, self._owner, signed, document)
        except UserError:
            if before is None:
                self.remove()
            else:
                self._table.put_part(self._target, self._owner, before)
            raise

    def withdraw(self, document: Document[Any], only_of: str | None = None) -> None:
        """Delete the part and converge. With ``only_of``, only if the request with that id stored the part."""
        if only_of is None or self.was_stored_by(only_of):
            converge.withdraw(self._table, self._target, self._owner, document)

    def _is_stored(self, content: Mapping[str, Any]) -> bool:
        stored = self.stored()
        # What this very request stored may not be in the document yet.
        is_earlier = stored.get(_REQUEST) != self._request.request_id
        return is_earlier and {**content, _REQUEST: stored.get(_REQUEST)} == stored


def owner_of(request: Request[Any], *more: str) -> str:
    """The owner of a part: the resource, and what distinguishes its parts of one target."""
    return "|".join([request.stack_id, request.logical_id, *more])
