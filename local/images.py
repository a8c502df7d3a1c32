"""Images for the embedded AWS: small OCI manifests, put by PutImage. Their layers are named, not uploaded."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from mypy_boto3_ecr import ECRClient

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"

# Annotations of a manifest, which the emulator's extension reads.
PUSHED_AT = "local.image/pushed-at"  # ISO 8601
FINDINGS = "local.scan/findings"  # "CRITICAL=1,HIGH=2"; none by default
STATUS = "local.scan/status"  # that a scan ends in; COMPLETE by default


def push_image(
    ecr: ECRClient,
    repository: str,
    tag: str | None,
    *,
    created: datetime | None = None,
    findings: str | None = None,
    scan_status: str | None = None,
    content: str = "content",
    size: int = 25_000_000,
    upload: bool = False,
) -> str:
    """Push an image and return its digest, which is that of its content, size and annotations.

    The emulator takes `created` (with a time zone) as the time of the push. `findings` are what a scan finds, such as
    "CRITICAL=1,HIGH=2", and `scan_status` is what it ends in, COMPLETE by default. `size` is in bytes. With `upload`
    the layers are uploaded before, as AWS demands, and `size` is theirs.
    """
    config = f"config of {content}"
    if upload:
        size = len(content)
        for blob in (config, content):
            _upload(ecr, repository, blob.encode())
    noted = {PUSHED_AT: created and created.isoformat(), FINDINGS: findings, STATUS: scan_status}
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {"mediaType": CONFIG, "digest": _digest(config), "size": len(config)},
        "layers": [{"mediaType": LAYER, "digest": _digest(content), "size": size}],
        "annotations": {name: value for name, value in noted.items() if value},
    }
    return _put(ecr, repository, tag, manifest)


def push_index(
    ecr: ECRClient, repository: str, tag: str | None, children: Sequence[str], *, created: datetime | None = None
) -> str:
    """Push an index (a manifest list) of images that are in the repository, by their digests; return its digest."""
    found = ecr.batch_get_image(repositoryName=repository, imageIds=[{"imageDigest": each} for each in children])
    manifest = {
        "schemaVersion": 2,
        "mediaType": INDEX,
        "manifests": [
            {"mediaType": MANIFEST, "digest": _digest(image["imageManifest"]), "size": len(image["imageManifest"])}
            for image in found["images"]
        ],
        "annotations": {PUSHED_AT: created.isoformat()} if created else {},
    }
    return _put(ecr, repository, tag, manifest)


def _upload(ecr: ECRClient, repository: str, blob: bytes) -> None:
    begun = ecr.initiate_layer_upload(repositoryName=repository)["uploadId"]
    ecr.upload_layer_part(
        repositoryName=repository, uploadId=begun, partFirstByte=0, partLastByte=len(blob) - 1, layerPartBlob=blob
    )
    digest = f"sha256:{hashlib.sha256(blob).hexdigest()}"
    try:
        ecr.complete_layer_upload(repositoryName=repository, uploadId=begun, layerDigests=[digest])
    except ecr.exceptions.LayerAlreadyExistsException:
        return


def _put(ecr: ECRClient, repository: str, tag: str | None, manifest: dict[str, Any]) -> str:
    text = json.dumps(manifest, sort_keys=True)
    tagged = {"imageTag": tag} if tag else {}
    digest = _digest(text)
    ecr.put_image(repositoryName=repository, imageManifest=text, imageDigest=digest, **tagged)
    return digest


def _digest(text: str) -> str:
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
