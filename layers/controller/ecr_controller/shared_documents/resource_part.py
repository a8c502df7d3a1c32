"""What the grants of one resource share with others: parts that are declared, and taken back where AWS refuses them."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from ecr_controller.shared_documents import converge as declarations
from ecr_controller.errors import UserError
from ecr_controller.shared_documents.parts import PartsTable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ecr_controller.custom_resource.protocol import Request
    from ecr_controller.shared_documents.converge import Document

logger = logging.getLogger(__name__)

_REQUEST = "request"  # in a part: the id of the request that declared it


class Shares:
    """Parts of shared documents. Every method may raise UserError and RetryableError."""

    def __init__(self) -> None:
        self._table = PartsTable()

    def declare(
        self,
        request: Request,
        owner: str,
        target: str,
        content: Mapping[str, Any],
        document: Document[Any],
        before: Mapping[str, Any] | None = None,
    ) -> None:
        """Put the part and converge. What AWS refuses is taken back at once: it would have it refuse others' parts too.

        ``before`` is what takes its place then: the content that the part had before the request. An Update of a part
        that is there already writes nothing where the document agrees.
        """
        if request.type == "Update" and self._holds(target, owner, content):
            declarations.converge(self._table, target, document)
            return
        signed = {**content, _REQUEST: request.request_id}
        try:
            declarations.declare(self._table, target, owner, signed, document)
        except UserError:
            if before is None:
                self._table.remove(target, owner)
            else:
                self._table.put(target, owner, before)
            raise

    def withdraw(self, owner: str, target: str, document: Document[Any], only_of: str | None = None) -> None:
        """Remove the part and converge. With ``only_of``, only if the request with that id declared it."""
        if only_of is not None and not self._was_declared_by(only_of, owner, target):
            return
        declarations.withdraw(self._table, target, owner, document)

    def _holds(self, target: str, owner: str, content: Mapping[str, Any]) -> bool:
        stored = self._stored(owner, target)
        return {**content, _REQUEST: stored.get(_REQUEST)} == stored

    def _was_declared_by(self, request_id: str, owner: str, target: str) -> bool:
        return self._stored(owner, target).get(_REQUEST) == request_id

    def _stored(self, owner: str, target: str) -> Mapping[str, Any]:
        return next((part.content for part in self._table.read(target) if part.owner == owner), {})


def owner_of(request: Request, *more: str) -> str:
    """The owner of a part: the resource, and what tells its parts of one target apart, if anything has to."""
    return "|".join([request.stack_id, request.logical_id, *more])
