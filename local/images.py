"""Images for the embedded AWS: small OCI manifests, put by PutImage. Their layers are named, not uploaded."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from mypy_boto3_ecr import ECRClient

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
EMPTY = "application/vnd.oci.empty.v1+json"
IN_TOTO = "application/vnd.in-toto+json"
SIGNATURE = "application/vnd.cncf.notary.signature"

# Annotations of a manifest, which the emulator's extension reads.
PUSHED_AT = "local.image/pushed-at"  # ISO 8601
PULLED_AT = "local.image/pulled-at"  # ISO 8601; never pulled by default
IN_USE_AT = "local.inspector/in-use-at"  # ISO 8601: when a pod of Amazon EKS last used the image
IN_USE_COUNT = "local.inspector/in-use-count"  # of the pods that use it now
FINDINGS = "local.scan/findings"  # "CRITICAL=1,HIGH=2"; none by default
FIX = "local.scan/fix"  # YES by default, NO or PARTIAL: whether findings of enhanced scanning have a fix
STATUS = "local.scan/status"  # that a scan ends in; by default COMPLETE, or ACTIVE in continuous scanning
SIGNING = "local.signing/status"  # IN_PROGRESS, COMPLETE or FAILED: of managed signing; none by default


def push_image(
    ecr: ECRClient,
    repository: str,
    tag: str | None,
    *,
    created: datetime | None = None,
    pulled: datetime | None = None,
    in_use_at: datetime | None = None,
    in_use_count: int | None = None,
    findings: str | None = None,
    fix: str | None = None,
    scan_status: str | None = None,
    signing_status: str | None = None,
    content: str = "content",
    size: int = 25_000_000,
    upload: bool = False,
) -> str:
    """Push an image and return its digest, which is that of its content, size and annotations.

    The emulator takes `created` (with a time zone) as the time of the push, and `pulled` as that of the last pull.
    `in_use_at` is when a pod of Amazon EKS last used the image, and `in_use_count` how many pods use it now. `findings`
    are what a scan finds, such as "CRITICAL=1,HIGH=2", `fix` whether they have one, `scan_status` what a scan ends in,
    and `signing_status` that of managed signing. `size` is in bytes. With `upload` the layers are uploaded before, as
    AWS demands, and `size` is theirs.
    """
    config = f"config of {content}"
    if upload:
        size = len(content)
        for blob in (config, content):
            _upload(ecr, repository, blob.encode())
    noted = {
        PUSHED_AT: created and created.isoformat(),
        PULLED_AT: pulled and pulled.isoformat(),
        IN_USE_AT: in_use_at and in_use_at.isoformat(),
        IN_USE_COUNT: in_use_count and str(in_use_count),
        FINDINGS: findings,
        FIX: fix,
        STATUS: scan_status,
        SIGNING: signing_status,
    }
    manifest = _manifest(config, content, size) | {"annotations": {key: value for key, value in noted.items() if value}}
    return _put(ecr, repository, tag, manifest)


def push_index(
    ecr: ECRClient, repository: str, tag: str | None, children: Sequence[str], *, created: datetime | None = None
) -> str:
    """Push an index (a manifest list) of images that are in the repository, by their digests; return its digest."""
    manifest = {
        "schemaVersion": 2,
        "mediaType": INDEX,
        "manifests": [_descriptor(ecr, repository, each) for each in children],
        "annotations": {PUSHED_AT: created.isoformat()} if created else {},
    }
    return _put(ecr, repository, tag, manifest)


@dataclass(frozen=True, slots=True)
class Pushed:
    """What buildx pushed: the digests of the index, and of the image and the attestation of each platform."""

    index: str
    images: dict[str, str]
    attestations: dict[str, str]


def push_as_buildx(
    ecr: ECRClient,
    repository: str,
    tag: str | None,
    findings: Mapping[str, str | None],
    *,
    content: str = "content",
    created: datetime | None = None,
) -> Pushed:
    """Push an index as `docker buildx build --push` does: an untagged image and an attestation for each platform.

    `findings` has the platforms, such as "linux/arm64", with what a scan of their images finds, as in `push_image`.
    """
    images, attestations, descriptors, later = {}, {}, [], []
    for platform, found in findings.items():
        named = f"{content} for {platform}"
        images[platform] = push_image(ecr, repository, None, findings=found, content=named, created=created)
        attestation = _manifest(f"config of the attestation of {named}", f"provenance of {named}", 4_000, IN_TOTO)
        attestation["annotations"] = {PUSHED_AT: created.isoformat()} if created else {}
        attestations[platform] = _put(ecr, repository, None, attestation)
        named_platform = dict(zip(("os", "architecture", "variant"), platform.split("/"), strict=False))
        descriptors.append(_descriptor(ecr, repository, images[platform]) | {"platform": named_platform})
        later.append(
            _descriptor(ecr, repository, attestations[platform])
            | {
                "platform": {"os": "unknown", "architecture": "unknown"},
                "annotations": {
                    "vnd.docker.reference.digest": images[platform],
                    "vnd.docker.reference.type": "attestation-manifest",
                },
            }
        )
    manifest = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [*descriptors, *later]}
    if created:
        manifest["annotations"] = {PUSHED_AT: created.isoformat()}
    return Pushed(_put(ecr, repository, tag, manifest), images, attestations)


def push_referrer(
    ecr: ECRClient, repository: str, subject: str, *, artifact_type: str = SIGNATURE, created: datetime | None = None
) -> str:
    """Push an artifact about an image, by default a Notation signature, as an OCI 1.1 referrer; return its digest."""
    manifest = _manifest("{}", f"{artifact_type} of {subject}", 1_000) | {
        "artifactType": artifact_type,
        "subject": _descriptor(ecr, repository, subject),
        "annotations": {PUSHED_AT: created.isoformat()} if created else {},
    }
    manifest["config"]["mediaType"] = EMPTY
    return _put(ecr, repository, None, manifest)


def _manifest(config: str, content: str, size: int, layer: str = LAYER) -> dict[str, Any]:
    return {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {"mediaType": CONFIG, "digest": _digest(config), "size": len(config)},
        "layers": [{"mediaType": layer, "digest": _digest(content), "size": size}],
    }


def _descriptor(ecr: ECRClient, repository: str, digest: str) -> dict[str, Any]:
    """How another manifest refers to one in the repository."""
    [image] = ecr.batch_get_image(repositoryName=repository, imageIds=[{"imageDigest": digest}])["images"]
    text = image["imageManifest"]
    return {"mediaType": image["imageManifestMediaType"], "digest": digest, "size": len(text)}


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
    """Put a manifest. As with `docker push`, it is no error that the image is there already."""
    text = json.dumps(manifest, sort_keys=True)
    tagged = {"imageTag": tag} if tag else {}
    digest = _digest(text)
    with suppress(ecr.exceptions.ImageAlreadyExistsException):
        ecr.put_image(repositoryName=repository, imageManifest=text, imageDigest=digest, **tagged)
    return digest


def _digest(text: str) -> str:
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
