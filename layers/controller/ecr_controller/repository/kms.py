"""The calls to AWS KMS that find the key of an alias."""

from __future__ import annotations

from typing import Any

from ecr_controller import aws
from ecr_controller.errors import UserError


@aws.translates_errors
class Keys:
    """The KMS keys of this account and Region."""

    _kms: aws.Client[Any] = aws.Client("kms")

    def describe_key(self, alias: str) -> str:
        """DescribeKey: the ARN of the key that ``alias/NAME``, or the ARN of an alias, names now."""
        try:
            return str(self._kms.describe_key(KeyId=alias)["KeyMetadata"]["Arn"])
        except self._kms.exceptions.NotFoundException:
            raise UserError(
                f"EncryptionKey: the alias {alias} does not exist in this account and Region. Create it, or specify "
                "the ARN of a key."
            ) from None
