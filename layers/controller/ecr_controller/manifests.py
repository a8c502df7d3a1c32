"""The entries of a manifest list, which the OCI image specification calls an image index.

Source: "OCI Image Index Specification". BuildKit stores an attestation as an image of an unknown platform
(https://docs.docker.com/build/metadata/attestations/attestation-storage/).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ecr_controller.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Mapping

MANIFEST_LISTS = frozenset(
    {"application/vnd.docker.distribution.manifest.list.v2+json", "application/vnd.oci.image.index.v1+json"}
)
MANIFESTS = frozenset(
    {"application/vnd.docker.distribution.manifest.v2+json", "application/vnd.oci.image.manifest.v1+json"}
)
_REFERENCE_TYPE = "vnd.docker.reference.type"


@dataclass(frozen=True, slots=True)
class Entry:
    """What a manifest list names: an image of a platform such as ``linux/arm64/v8``, another list, or an artifact.

    ``platform`` is "" if the list does not name it.
    """

    digest: str
    platform: str = ""
    is_list: bool = False
    is_artifact: bool = False


def entries_of(manifest_list: str) -> tuple[Entry, ...]:
    """The entries of a manifest list, in its order. Raises UserError if it is not one."""
    try:
        return tuple(_entry(each) for each in json.loads(manifest_list).get("manifests") or ())
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise UserError("The manifest list of an image index cannot be read. Push the image index again.") from None


def _entry(descriptor: Mapping[str, Any]) -> Entry:
    media_type, platform = descriptor.get("mediaType"), descriptor.get("platform") or {}
    named = [str(platform[key]) for key in ("os", "architecture", "variant") if platform.get(key)]
    is_list = media_type in MANIFEST_LISTS
    is_artifact = (
        (media_type not in MANIFESTS and not is_list)
        or bool(descriptor.get("artifactType"))
        or _REFERENCE_TYPE in (descriptor.get("annotations") or {})
        or named[:2] == ["unknown", "unknown"]
    )
    return Entry(str(descriptor["digest"]), "/".join(named), is_list, is_artifact)
