"""Which image a reference names, as ECS and Lambda resolve it: a URI of Amazon ECR with a tag or a digest."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from ministack.services.ecr import _images

if TYPE_CHECKING:
    from local.emulator.extension.store import Json

URI = re.compile(
    r"(?P<account>\d{12})\.dkr[.-]ecr\.(?P<region>[a-z0-9-]+)\.(amazonaws\.com|on\.aws)/(?P<name>[^:@]+)"
    r"(:(?P<tag>[^@]+))?(@(?P<digest>.+))?"
)


def digest_of(reference: str) -> str | None:
    """The digest of the image that a reference names now, or None where Amazon ECR has none.

    A reference to another registry names an image of its own.
    """
    uri = URI.fullmatch(reference)
    if uri is None:
        _, _, digest = reference.partition("@")
        return digest or f"sha256:{hashlib.sha256(reference.encode()).hexdigest()}"
    images: list[Json] = _images.get_scoped(uri["account"], uri["region"], uri["name"]) or []
    for image in images:
        if image["imageDigest"] == uri["digest"] or (
            not uri["digest"] and (uri["tag"] or "latest") in image["imageTags"]
        ):
            return str(image["imageDigest"])
    return None


def by_digest(reference: str, digest: str) -> str:
    """The reference to the image with this digest in the same repository."""
    return f"{re.sub(':[^:/]*$', '', reference.partition('@')[0])}@{digest}"
