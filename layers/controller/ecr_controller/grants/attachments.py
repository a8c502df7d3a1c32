"""Which controllers of the account need a policy attached to a principal.

IAM is global, and a controller is regional: without this, the last grant of one Region would detach the policy that the
grants of another Region need. The table is in one Region of the account: see examples/organization/account.yaml.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecr_controller.config import config
from ecr_controller.shared_documents.parts import PartsTable

if TYPE_CHECKING:
    from ecr_controller.custom_resource.request import Home

TABLE = "ecr-controller-attachments"


class Attachments:
    """The controllers that need one policy of one principal. Every method may raise UserError and RetryableError."""

    def __init__(self, target: str, home: Home) -> None:
        # No other controller has the same table of parts.
        self._target, self._owner = target, f"{home.region}/{config().parts_table}"
        self._table = PartsTable(TABLE, config().home_region)

    @classmethod
    def of(cls, target: str, home: Home) -> Attachments | None:
        """None if the controller has policies of its own."""
        return cls(target, home) if config().home_region else None

    def include_this(self) -> bool:
        """Whether this controller is among them."""
        return self._owner in self._owners()

    def include_others(self) -> bool:
        """Whether another controller is among them."""
        return bool(self._owners() - {self._owner})

    def add(self) -> None:
        """Add this controller."""
        self._table.put_part(self._target, self._owner, {})

    def remove(self) -> None:
        """Remove this controller."""
        self._table.delete_part(self._target, self._owner)

    def _owners(self) -> set[str]:
        return {part.owner for part in self._table.query_parts(self._target)}
