"""Where the extension holds on to MiniStack's ECR: its records, its own operations, and faults in ECR's words.

A record is MiniStack's own dictionary: a key added to it lives and dies with the repository or the image.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeAlias

from ministack.core.responses import get_account_id
from ministack.services import ecr
from ministack.services.ecr import _images, _repositories

if TYPE_CHECKING:
    from collections.abc import Sequence

Json: TypeAlias = dict[str, Any]

ministack_handle_request = ecr.handle_request

DEFAULT_PAGE = 100  # of every ECR operation that has pages


class Fault(Exception):
    """An error that ECR answers with: its code and its message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message

    @classmethod
    def parameter(cls, name: str, constraint: str) -> Fault:
        """An InvalidParameterException in the form that ECR gives it."""
        message = f"Invalid parameter at '{name}' failed to satisfy constraint: '{constraint}'"
        return cls("InvalidParameterException", message)


async def own(operation: str, data: Json) -> Json:
    """What MiniStack's own operation answers. Raises Fault where it refuses."""
    target = {"x-amz-target": f"AmazonEC2ContainerRegistry_V20150921.{operation}"}
    status, _, body = await ministack_handle_request("POST", "/", target, json.dumps(data).encode(), {})
    answer: Json = json.loads(body)
    if status != 200:
        raise Fault(answer["__type"], answer["message"])
    return answer


def repository(data: Json) -> Json:
    """The record of the repository that a call names."""
    name = data.get("repositoryName", "")
    record: Json | None = _repositories.get(name)
    if record is None:
        where = f"in the registry with id '{get_account_id()}'"
        raise Fault("RepositoryNotFoundException", f"The repository with name '{name}' does not exist {where}")
    return record


def images_of(data: Json) -> list[Json]:
    """The records of the images in the repository that a call names, in the order of their pushes."""
    images: list[Json] = _images[repository(data)["repositoryName"]]
    return images


def find_image(data: Json, image_id: Json) -> Json:
    """The record of one image, by its digest, a tag, or both. Raises ImageNotFoundException."""
    digest, tag = image_id.get("imageDigest"), image_id.get("imageTag")
    if not digest and not tag:
        raise Fault.parameter("imageId", "either imageDigest or imageTag must be specified")
    for image in images_of(data):
        if (not digest or image["imageDigest"] == digest) and (not tag or tag in image["imageTags"]):
            return image
    named = f"{{imageDigest:'{digest or 'null'}', imageTag:'{tag or 'null'}'}}"
    where = f"within the repository with name '{data['repositoryName']}' in the registry with id '{get_account_id()}'"
    raise Fault("ImageNotFoundException", f"The image with imageId {named} does not exist {where}")


def manifest(image: Json) -> Json:
    """The manifest of an image. Raises ValueError where it is not JSON."""
    content: Json = json.loads(image["imageManifest"])
    return content


def annotation(image: Json, name: str) -> str:
    """The value of an annotation of the manifest of an image, or nothing."""
    return str(manifest(image).get("annotations", {}).get(name, ""))


def page(items: Sequence[Any], data: Json) -> tuple[Sequence[Any], Json]:
    """The page that `maxResults` and `nextToken` ask for, and what the answer says of the next one."""
    token = data.get("nextToken") or "0"
    if not token.isdecimal():
        raise Fault.parameter("nextToken", "Invalid token")
    start = int(token)
    end = start + (data.get("maxResults") or DEFAULT_PAGE)
    return items[start:end], {"nextToken": str(end)} if end < len(items) else {}
