"""`make publish`: upload what `make package` built to a bucket of each Region, or show what would be uploaded."""

from __future__ import annotations

import argparse
import re
import sys
from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import ClientError

from ecr_controller import __version__
from local.progress import exit_code
from tools.release import PREFIX, Release
from tools.release.archive import digest
from tools.release.publishing import Action, plan

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from tools.release.publishing import Step

REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-[0-9]")
BUCKET_PREFIX = re.compile(r"[a-z0-9][a-z0-9.-]{1,45}")
# The metadata of an object that has its digest.
DIGEST = "sha256"


class PublishError(Exception):
    """It can't be published. The message says why."""


class Bucket:
    """A bucket of this account."""

    def __init__(self, name: str, region: str, account: str) -> None:
        # Names of buckets are global, and so could be those of somebody else.
        self._name: Any = {"Bucket": name, "ExpectedBucketOwner": account}
        self.name, self._region = name, region
        self._s3: S3Client = boto3.client("s3", region_name=region)

    def check(self) -> None:
        """Raise PublishError unless the bucket is in the Region, and of this account."""
        try:
            found = self._s3.head_bucket(**self._name).get("BucketRegion", self._region)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            raise PublishError(
                f"The bucket {self.name} can't be used ({code}): it doesn't exist, or isn't of this account. Deploy "
                f"examples/organization/artifact-bucket.yaml in Region {self._region} first."
            ) from None
        if found != self._region:
            raise PublishError(f"The bucket {self.name} is in Region {found}, and must be in {self._region}.")

    def digest_of(self, key: str) -> str | None:
        """The digest of an object; None if there is none."""
        try:
            return self._s3.head_object(**self._name, Key=key)["Metadata"].get(DIGEST, "")
        except ClientError as error:
            if error.response["Error"]["Code"] in ("404", "NoSuchKey"):
                return None
            raise

    def upload(self, key: str, content: bytes) -> None:
        """PutObject, which verifies the content."""
        self._s3.put_object(
            **self._name, Key=key, Body=content, ChecksumAlgorithm="SHA256", Metadata={DIGEST: digest(content)}
        )


def _files(release: Release) -> dict[str, bytes]:
    uploads = release.uploads
    found = {
        path.relative_to(uploads).as_posix(): path.read_bytes() for path in release.files() if uploads in path.parents
    }
    if not any(key.startswith(f"{PREFIX}/") for key in found):
        raise PublishError(f"There is no build of version {__version__} in dist/. Run `make package` first.")
    return found


def publish(release: Release, regions: list[str], prefix: str, *, apply: bool) -> None:
    """Show the steps of each bucket, and carry them out if ``apply``. All buckets are checked before any upload."""
    files = _files(release)
    digests = {key: digest(content) for key, content in files.items()}
    account = boto3.client("sts").get_caller_identity()["Account"]
    buckets = [Bucket(f"{prefix}-{region}", region, account) for region in regions]
    steps: dict[str, list[Step]] = {}
    for bucket in buckets:
        bucket.check()
        present = {key: found for key in files if (found := bucket.digest_of(key)) is not None}
        steps[bucket.name] = plan(digests, present)
    refused = [f"{name}/{step.key}" for name, each in steps.items() for step in each if step.action is Action.REFUSE]
    if refused:
        raise PublishError(
            f"{', '.join(refused)}: another build of version {__version__} is there. A version that was published is "
            "never replaced. Change the version in layers/controller/ecr_controller/__init__.py."
        )
    for bucket in buckets:
        for step in steps[bucket.name]:
            print(f"{step.action.value:>8}  s3://{bucket.name}/{step.key}  {len(files[step.key]):,} bytes")
            if apply and step.action is Action.UPLOAD:
                bucket.upload(step.key, files[step.key])
    if not apply:
        print("Nothing was uploaded. To upload, add APPLY=yes.")


def main() -> None:
    """Publish. Raises PublishError, and what boto3 raises."""
    parser = argparse.ArgumentParser(prog="python -m tools.release.publish", description=__doc__.partition(": ")[2])
    parser.add_argument("--regions", default="", help="the Regions, separated by commas")
    parser.add_argument("--bucket-prefix", default="", help="the names of the buckets without -REGION at the end")
    parser.add_argument("--apply", default="", help="`yes` uploads; anything else shows what would be uploaded")
    given = parser.parse_args()
    regions = [each for each in re.split(r"[,\s]+", given.regions) if each]
    if not regions or not all(map(REGION.fullmatch, regions)):
        raise PublishError("REGIONS must name Regions, separated by commas, such as eu-west-1,us-east-1.")
    if not BUCKET_PREFIX.fullmatch(given.bucket_prefix):
        raise PublishError("BUCKET_PREFIX must be the name of the buckets without the Region, such as acme-artifacts.")
    if given.apply not in ("", "yes", "no"):
        raise PublishError("APPLY must be yes or no.")
    publish(Release(), regions, given.bucket_prefix, apply=given.apply == "yes")


if __name__ == "__main__":
    sys.exit(exit_code(main, PublishError))
