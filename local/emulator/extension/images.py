"""Images as ECR keeps them.

MiniStack has no pages of images, ignores unknown ids, deletes an image with any of its tags, lets an index lose its
children, moves tags that are excluded from moving, knows no subjects and referrers, and emits no event on a push. It
takes an image that is there already, one with any digest and any number of tags, and shows each with its latest tag.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

from ministack.core.responses import get_account_id, get_region

from local.emulator.extension import events, scanning
from local.emulator.extension.repositories import is_immutable
from local.emulator.extension.store import (
    Fault,
    Json,
    annotation,
    find_image,
    images_of,
    manifest,
    own,
    page,
    repository,
)
from local.images import PULLED_AT, PUSHED_AT, SIGNING

TAGS_PER_IMAGE = 1000  # a quota that cannot be raised


async def put_image(data: Json) -> Json:
    record, tag = repository(data), data.get("imageTag")
    known = {image["imageDigest"]: image["imageTags"] for image in images_of(data)}
    if tag and any(tag in tags for tags in known.values()) and is_immutable(record, tag):
        where = f"already exists in the '{record['repositoryName']}' repository"
        message = f"The image tag '{tag}' {where} and cannot be overwritten because the tag is immutable."
        raise Fault("ImageTagAlreadyExistsException", message)
    digest = _digest(data)
    _check_change(record["repositoryName"], digest, tag, known.get(digest))
    answer = (await own("PutImage", _typed(data)))["image"]
    image = find_image(data, {"imageDigest": digest})
    if digest not in known:
        _arrive(image)
    events.image_pushed(image, tag)
    return {"image": answer | {"imageId": _id(image, tag)}}


def _digest(data: Json) -> str:
    """The digest of the manifest that is pushed. Raises Fault where the call gives another."""
    digest = f"sha256:{hashlib.sha256(data['imageManifest'].encode()).hexdigest()}"
    if data.get("imageDigest", digest) != digest:
        message = "The specified image digest does not match the digest that Amazon ECR calculated for the image."
        raise Fault("ImageDigestDoesNotMatchException", message)
    return digest


def _check_change(name: str, digest: str, tag: str | None, tags: list[str] | None) -> None:
    """Raise Fault where an image with these tags would not change, or has as many as it can."""
    where = f"the repository with name '{name}' in registry with id '{get_account_id()}'"
    if tags is not None and (tag in tags or not tag):
        message = f"Image with digest '{digest}' and tag '{tag or 'null'}' already exists in {where}"
        raise Fault("ImageAlreadyExistsException", message)
    if tags is not None and len(tags) >= TAGS_PER_IMAGE:
        message = f"The image with digest '{digest}' in {where} has the maximum of {TAGS_PER_IMAGE} tags"
        raise Fault("LimitExceededException", message)


def _typed(data: Json) -> Json:
    """The call with the media type of its manifest, which ECR reads from the manifest itself."""
    try:
        return {"imageManifestMediaType": manifest(data)["mediaType"]} | data
    except ValueError as error:
        raise Fault.parameter("ImageManifest", "Invalid JSON syntax") from error
    except KeyError:
        return data


def _arrive(image: Json) -> None:
    pushed_at = annotation(image, PUSHED_AT)
    if pushed_at:
        image["imagePushedAt"] = int(datetime.fromisoformat(pushed_at).timestamp())
    scanning.image_pushed(image)


async def batch_get_image(data: Json) -> Json:
    answer = await own("BatchGetImage", data)
    missing = [each["imageId"] for each in answer["failures"]]
    found = [each for each in data["imageIds"] if each not in missing]
    for shown, asked in zip(answer["images"], found, strict=True):
        shown["imageId"] = _id(shown["imageId"], asked.get("imageTag"))
    return answer


async def describe_images(data: Json) -> Json:
    ids = data.get("imageIds")
    if ids and (data.get("maxResults") or data.get("nextToken")):
        raise Fault("InvalidParameterException", "maxResults and nextToken cannot be used with imageIds")
    found = [find_image(data, each) for each in ids] if ids else [i for i in images_of(data) if _selected(data, i)]
    shown, following = page(found, {"maxResults": len(found)} if ids else data)
    return {"imageDetails": [detail(data, image) for image in shown], **following}


async def list_image_referrers(data: Json) -> Json:
    subject, types = data["subjectId"]["imageDigest"], data.get("filter", {}).get("artifactTypes")
    referrers = [image for image in images_of(data) if _subject(image) == subject]
    shown, following = page(
        [each for each in map(_referrer, referrers) if not types or each["artifactType"] in types], data
    )
    return {"referrers": shown, **following}


async def describe_image_signing_status(data: Json) -> Json:
    image = find_image(data, data["imageId"])
    status = annotation(image, SIGNING)
    profile = f"arn:aws:signer:{get_region()}:{get_account_id()}:/signing-profiles/local"
    statuses = [{"signingProfileArn": profile, "status": status}] if status else []
    return {
        "registryId": get_account_id(),
        "repositoryName": data["repositoryName"],
        "imageId": data["imageId"] | {"imageDigest": image["imageDigest"]},
        "signingStatuses": statuses,
    }


async def list_images(data: Json) -> Json:
    entries = [entry for image in images_of(data) if _selected(data, image) for entry in _ids(image)]
    shown, following = page(entries, data)
    return {"imageIds": shown, **following}


async def batch_delete_image(data: Json) -> Json:
    deleted: list[Json] = []
    failures: list[Json] = []
    for image_id in data["imageIds"]:
        try:
            deleted += _delete(data, image_id)
        except Fault as fault:
            code = fault.code.removesuffix("Exception")
            failures.append({"imageId": image_id, "failureCode": code, "failureReason": fault.message})
    return {"imageIds": deleted, "failures": failures}


def _delete(data: Json, image_id: Json) -> list[Json]:
    """What is deleted: the tag alone where the image has others, else the image, with one id for each of its tags."""
    image, tag = find_image(data, image_id), image_id.get("imageTag")
    if tag and image["imageTags"] != [tag]:
        image["imageTags"].remove(tag)
        events.image_deleted(image, tag)
        return [{"imageDigest": image["imageDigest"], "imageTag": tag}]
    indexes = [other["imageDigest"] for other in images_of(data) if image["imageDigest"] in children_of(other)]
    if indexes:
        raise Fault("ImageReferencedByManifestList", f"Requested image referenced by manifest list: {indexes}")
    images_of(data).remove(image)
    for each in image["imageTags"] or [None]:
        events.image_deleted(image, each)
    return _ids(image)


def detail(data: Json, image: Json) -> Json:
    """The image as DescribeImages returns it."""
    subject = _subject(image)
    shown: Json = {
        "registryId": get_account_id(),
        "repositoryName": data["repositoryName"],
        "imageDigest": image["imageDigest"],
        "imageSizeInBytes": _size(data, image),
        "imagePushedAt": image["imagePushedAt"],
        "imageManifestMediaType": image["imageManifestMediaType"],
        "artifactMediaType": _artifact_type(image),
    }
    tags = {"imageTags": image["imageTags"]} if image["imageTags"] else {}
    pulled = pulled_at(image)
    last_pull = {"lastRecordedPullTime": int(pulled.timestamp())} if pulled else {}
    return shown | tags | last_pull | ({"subjectManifestDigest": subject} if subject else {})


def pulled_at(image: Json) -> datetime | None:
    """When the image was last pulled, as the annotation of its manifest says."""
    noted = annotation(image, PULLED_AT)
    return datetime.fromisoformat(noted).astimezone(UTC) if noted else None


def _artifact_type(image: Json) -> str:
    content = manifest(image)
    config = content.get("config", {}).get("mediaType", image["imageManifestMediaType"])
    return str(content.get("artifactType", config))


def _subject(image: Json) -> str | None:
    """The digest of the image that a signature or an SBOM belongs to."""
    subject: Json = manifest(image).get("subject", {})
    return subject.get("digest")


def _referrer(image: Json) -> Json:
    return {
        "digest": image["imageDigest"],
        "mediaType": image["imageManifestMediaType"],
        "artifactType": _artifact_type(image),
        "size": len(image["imageManifest"]),
        "annotations": manifest(image).get("annotations", {}),
        "artifactStatus": "ACTIVE",
    }


def _size(data: Json, image: Json) -> int:
    """Bytes of the layers; of an index, those of its largest child."""
    digests = children_of(image)
    children = [each for each in images_of(data) if each["imageDigest"] in digests] if digests else []
    return max((_size(data, child) for child in children), default=_size_of_layers(image))


def _size_of_layers(image: Json) -> int:
    return sum(layer["size"] for layer in manifest(image).get("layers", [])) or len(image["imageManifest"])


def _ids(image: Json) -> list[Json]:
    return [_id(image, tag) for tag in image["imageTags"] or [None]]


def _id(image: Json, tag: str | None) -> Json:
    return {"imageDigest": image["imageDigest"]} | ({"imageTag": tag} if tag else {})


def _selected(data: Json, image: Json) -> bool:
    status = data.get("filter", {}).get("tagStatus", "ANY")
    return status in ("ANY", "TAGGED" if image["imageTags"] else "UNTAGGED")


def children_of(image: Json) -> list[str]:
    """The digests that an index names; of an image, none, without reading its manifest."""
    index = {} if scanning.is_supported(image) else manifest(image)
    return [child["digest"] for child in index.get("manifests", [])]
