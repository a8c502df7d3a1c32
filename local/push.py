"""`python -m local.push REPOSITORY TAG …`: push a small image with each of the tags."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import boto3

from local.images import push_image

if TYPE_CHECKING:
    from mypy_boto3_ecr import ECRClient


def main() -> None:
    """Push to the AWS that the environment names."""
    ecr: ECRClient = boto3.client("ecr")
    for tag in sys.argv[2:]:
        print(f"{sys.argv[1]}:{tag} {push_image(ecr, sys.argv[1], tag, content=tag)}")


if __name__ == "__main__":
    main()
