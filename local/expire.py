"""The lifecycle policy of a repository, carried out now: Amazon ECR takes up to 24 hours.

`python -m local.expire REPOSITORY …` deletes what the policy expires on the embedded AWS.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from typing import TYPE_CHECKING

import boto3

from local.progress import exit_code

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_ecr import ECRClient

BATCH = 100  # digests that BatchDeleteImage takes


def expire(ecr: ECRClient, repository: str) -> list[str]:
    """Delete what the stored policy expires, and its signatures and attestations; return the digests."""
    expired = [each for image in _previewed(ecr, repository) for each in (*_referrers(ecr, repository, image), image)]
    for start in range(0, len(expired), BATCH):
        ids = [{"imageDigest": digest} for digest in expired[start : start + BATCH]]
        ecr.batch_delete_image(repositoryName=repository, imageIds=ids)  # type: ignore[arg-type]
    return expired


def _previewed(ecr: ECRClient, repository: str) -> list[str]:
    """The digests that the policy expires. An index was pushed after its images, and is deleted before them."""
    ecr.start_lifecycle_policy_preview(repositoryName=repository)
    while ecr.get_lifecycle_policy_preview(repositoryName=repository)["status"] == "IN_PROGRESS":
        time.sleep(0.1)
    pages = ecr.get_paginator("get_lifecycle_policy_preview").paginate(repositoryName=repository)
    results = [result for page in pages for result in page["previewResults"]]
    return [result["imageDigest"] for result in reversed(results) if result["action"]["type"] == "EXPIRE"]


def _referrers(ecr: ECRClient, repository: str, digest: str) -> Iterator[str]:
    """The digests of what refers to an image, and of what refers to that."""
    subject = {"imageDigest": digest}
    for referrer in ecr.list_image_referrers(repositoryName=repository, subjectId=subject)["referrers"]:  # type: ignore[arg-type]
        yield from _referrers(ecr, repository, referrer["digest"])
        yield referrer["digest"]


def main() -> None:
    """Expire, and print the digest of each image that is gone."""
    parser = argparse.ArgumentParser(
        prog="python -m local.expire", description="Apply lifecycle policies immediately on the embedded AWS."
    )
    parser.add_argument(
        "repositories", metavar="REPOSITORY", nargs="+", help="the name of a repository, such as team/app"
    )
    given = parser.parse_args()
    if "AWS_ENDPOINT_URL" not in os.environ:
        parser.error("AWS_ENDPOINT_URL is not set. Run the `export` commands that `make local` prints.")
    ecr: ECRClient = boto3.client("ecr")
    for repository in given.repositories:
        for digest in expire(ecr, repository):
            print(f"{repository} {digest}")


if __name__ == "__main__":
    sys.exit(exit_code(main))
