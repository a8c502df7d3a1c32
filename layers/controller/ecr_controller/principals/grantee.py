"""A grantee: the ARN of a role, user or group, an account ID, a service, an organization ID, or ``*``.

Source: "AWS JSON policy elements: Principal" in the IAM user guide.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from ecr_controller.custom_resource.request import Home

Kind = Literal["role", "user", "group", "account", "service", "organization", "everyone"]

_IAM = re.compile(r"arn:(?P<partition>aws[a-z0-9-]*):iam::(?P<account>[0-9]{12}):(?P<what>.+)")
_SERVICE = re.compile(r"[a-z0-9][a-z0-9.-]*\.amazonaws\.com(\.cn)?")
FORMS = (
    "the ARN of a role, user or group, such as !GetAtt Role.Arn returns, an account ID, a service such as "
    "lambda.amazonaws.com, an organization ID such as o-a1b2c3d4e5, or *"
)


@dataclass(frozen=True, slots=True)
class Grantee:
    """A parsed grantee. ``id`` is an ARN if there is one; ``account`` is empty for what belongs to no account."""

    kind: Kind
    id: str
    account: str = ""

    @property
    def name(self) -> str:
        """The name of a role, user or group, as IAM's API takes it: without the path."""
        return self.id.rpartition("/")[2]

    @property
    def principal(self) -> tuple[str, str]:
        """The type and the value of the principal in a policy, as the CDK writes them."""
        if self.kind in ("organization", "everyone"):
            return "AWS", "*"
        return ("Service" if self.kind == "service" else "AWS"), self.id

    @property
    def conditions(self) -> dict[str, dict[str, str]]:
        """The condition that limits the principal to the grantee."""
        return {"StringEquals": {"aws:PrincipalOrgID": self.id}} if self.kind == "organization" else {}

    def is_in(self, home: Home, *kinds: Kind) -> bool:
        """Whether the grantee is one of these kinds and belongs to the account of the stack."""
        return self.kind in kinds and self.account == home.account


def parse(text: str, home: Home) -> Grantee:
    """The grantee. Raises ValueError, whose message continues the name of the property."""
    if text == "*":
        return Grantee("everyone", text)
    if re.fullmatch(r"o-[a-z0-9]{10,32}", text):
        return Grantee("organization", text)
    if re.fullmatch(r"[0-9]{12}", text):
        return Grantee("account", f"arn:{home.partition}:iam::{text}:root", text)
    if _SERVICE.fullmatch(text):
        return Grantee("service", text)
    if found := _IAM.fullmatch(text):
        return _of_iam(text, found["account"], found["what"])
    if ":assumed-role/" in text:
        raise ValueError("is a role session; specify the ARN of the role, arn:aws:iam::ACCOUNT:role/NAME")
    raise ValueError(f"must be {FORMS}")


def parse_arn(text: str, home: Home) -> Grantee | None:
    """The role, user, group or account that an ARN names, or None for any other text."""
    try:
        return parse(text, home) if text.startswith("arn:") else None
    except ValueError:
        return None


def _of_iam(arn: str, account: str, what: str) -> Grantee:
    if what == "root":
        return Grantee("account", arn, account)
    kind, _, name = what.partition("/")
    kinds: dict[str, Kind] = {"role": "role", "user": "user", "group": "group"}
    if kind not in kinds or not re.fullmatch(r"([!-~]+/)?[\w+=,.@-]+", name):
        raise ValueError(f"must be {FORMS}")
    return Grantee(kinds[kind], arn, account)
