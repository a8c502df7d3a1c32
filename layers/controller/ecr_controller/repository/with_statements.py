"""A repository with PolicyStatements: they are parts of its policy, which grants of other resources share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecr_controller.errors import UserError
from ecr_controller.repository.spec import read_leniently
from ecr_controller.resources.repository import RepositoryResource
from ecr_controller.repository.model import generated_name, is_name

if TYPE_CHECKING:
    from ecr_controller.custom_resource.protocol import Request, Result
    from ecr_controller.grants.repository_policies import RepositoryStatements


class RepositoryWithStatements:
    """``Custom::ECRRepository``: the repository, then its statements. Raises UserError and RetryableError."""

    def __init__(self) -> None:
        self._repository = RepositoryResource()

    @property
    def _statements(self) -> RepositoryStatements:
        # Imported here: few repositories have statements, and every cold start would pay for it.
        from ecr_controller.grants.repository_policies import RepositoryStatements

        return RepositoryStatements()

    def create(self, request: Request) -> Result:
        """Make the repository, then put the statements; where that is refused, take it back."""
        result = self._repository.create(request)
        self._put(request, result.physical_id, made=True)
        return result

    def update(self, request: Request) -> Result:
        """Change the repository, then its statements; take out what is no longer declared."""
        result = self._repository.update(request)
        self._put(request, result.physical_id, made=result.physical_id != request.physical_id)
        return result

    def delete(self, request: Request) -> None:
        """Delete the repository, or release it; then it keeps no statement of ours."""
        self._repository.delete(request)
        if is_name(request.physical_id) and read_leniently(request.properties).statements:
            self._statements.withdraw(request, request.physical_id)

    def delete_failed_create(self, request: Request, create_request_id: str) -> None:
        """Take back the statements that the Create put, then the repository."""
        declared = read_leniently(request.properties)
        if declared.statements:
            name = declared.name or generated_name(request.stack_name, request.logical_id, create_request_id)
            self._statements.withdraw(request, name, only_of=create_request_id)
        self._repository.delete_failed_create(request, create_request_id)

    def _put(self, request: Request, name: str, *, made: bool) -> None:
        declared = read_leniently(request.properties).statements
        before = () if made else read_leniently(request.old_properties).statements
        if declared:
            try:
                self._statements.declare(request, name, declared, before)
            except UserError:
                if made:
                    self._repository.delete_failed_create(request, request.request_id)
                raise
        elif before:
            self._statements.withdraw(request, name)
