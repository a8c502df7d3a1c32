"""`python -m local.push REPOSITORY TAG …`: push a small image to the embedded AWS, one for each tag."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING

import boto3

from local.images import push_as_buildx, push_image
from local.progress import exit_code

if TYPE_CHECKING:
    from mypy_boto3_ecr import ECRClient


def main() -> None:
    """Push, and print the digest of each image."""
    parser = argparse.ArgumentParser(prog="python -m local.push", description="Push small images to the embedded AWS.")
    parser.add_argument("repository", metavar="REPOSITORY", help="the name of a repository, such as team/app")
    parser.add_argument("tags", metavar="TAG", nargs="+", help="a tag; a separate image is pushed for each tag")
    parser.add_argument("--findings", metavar="COUNTS", help="the findings of a scan, such as CRITICAL=1,HIGH=2")
    parser.add_argument(
        "--platform",
        metavar="OS/ARCH",
        action="append",
        help="push an index as buildx does, with an image for each platform",
    )
    given = parser.parse_args()
    if "AWS_ENDPOINT_URL" not in os.environ:
        parser.error("AWS_ENDPOINT_URL is not set. Run the `export` commands that `make local` prints.")
    ecr: ECRClient = boto3.client("ecr")
    for tag in given.tags:
        if given.platform:
            findings = dict.fromkeys(given.platform, given.findings)
            digest = push_as_buildx(ecr, given.repository, tag, findings, content=tag).index
        else:
            digest = push_image(ecr, given.repository, tag, content=tag, findings=given.findings)
        print(f"{given.repository}:{tag} {digest}")


if __name__ == "__main__":
    sys.exit(exit_code(main))
