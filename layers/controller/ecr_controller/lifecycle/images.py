"""The images of a repository as DescribeImages returns them, as far as a lifecycle policy depends on them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from ecr_controller.errors import UserError
from ecr_controller.manifests import MANIFEST_LISTS

if TYPE_CHECKING:
    from ecr_controller.lifecycle.policy import StorageClass

    ImageClass = StorageClass | Literal["unknown"]

T = TypeVar("T")

# An image that is being restored stays in the archive until that is done; an assumption, not in ECR's guide.
_STORAGE_CLASSES: Mapping[str, ImageClass] = {"ACTIVE": "standard", "ARCHIVED": "archive", "ACTIVATING": "archive"}


@dataclass(frozen=True, slots=True)
class Image:
    """One image. Times are aware. ``storage_class`` is ``unknown`` for a status that the controller does not know, so
    that no rule selects the image. ``children`` are the digests that a manifest list refers to, where known, and
    ``subject`` is the digest that a reference artifact (a signature, an SBOM) belongs to."""

    digest: str
    pushed_at: datetime
    tags: tuple[str, ...] = ()
    size_in_bytes: int = 0
    storage_class: ImageClass = "standard"
    last_pulled_at: datetime | None = None
    last_archived_at: datetime | None = None
    last_activated_at: datetime | None = None
    media_type: str | None = None
    children: tuple[str, ...] = ()
    subject: str | None = None

    @classmethod
    def from_detail(cls, detail: Mapping[str, Any], children: Iterable[str] = ()) -> Image:
        """One entry of ``imageDetails``. A time may be a datetime, seconds since 1970 or ISO 8601; without an offset
        it is in UTC. ``children`` come from BatchGetImage. Raises UserError, which names the member.
        """
        status = _text(detail, "imageStatus") or "ACTIVE"
        return cls(
            digest=_needed(_text(detail, "imageDigest"), "imageDigest"),
            pushed_at=_needed(_time(detail, "imagePushedAt"), "imagePushedAt"),
            tags=_tags(detail),
            size_in_bytes=_size(detail),
            storage_class=_STORAGE_CLASSES.get(status, "unknown"),
            last_pulled_at=_time(detail, "lastRecordedPullTime"),
            last_archived_at=_time(detail, "lastArchivedAt"),
            last_activated_at=_time(detail, "lastActivatedAt"),
            media_type=_text(detail, "imageManifestMediaType"),
            children=tuple(children),
            subject=_text(detail, "subjectManifestDigest"),
        )

    @property
    def is_manifest_list(self) -> bool:
        """Whether this is an index of other images."""
        return bool(self.children) or self.media_type in MANIFEST_LISTS

    @property
    def available_since(self) -> datetime:
        """When it was pushed, or last restored from the archive: a restored image counts as newly pushed."""
        return self.last_activated_at or self.pushed_at

    @property
    def last_used_at(self) -> datetime:
        """When it was last pulled, or ``available_since`` if it was not pulled yet, or not since it was restored."""
        pulled, restored = self.last_pulled_at, self.last_activated_at
        return self.available_since if pulled is None or (restored and pulled < restored) else pulled


def parse_images(
    document: Mapping[str, Any] | Iterable[Mapping[str, Any]], children: Mapping[str, Iterable[str]] | None = None
) -> tuple[Image, ...]:
    """The images of DescribeImages' answer, or of its list ``imageDetails`` alone. ``children`` are by digest.

    Raises UserError, which names the entry and the member.
    """
    details = document.get("imageDetails") if isinstance(document, Mapping) else document
    if isinstance(details, (str, bytes)) or not isinstance(details, Iterable):
        raise UserError("imageDetails: must be a list, as in the response of DescribeImages")
    known = children or {}
    images = []
    for position, detail in enumerate(details):
        if not isinstance(detail, Mapping):
            raise UserError(f"imageDetails[{position}]: must be an object")
        try:
            images.append(Image.from_detail(detail, known.get(str(detail.get("imageDigest")), ())))
        except UserError as fault:
            raise UserError(f"imageDetails[{position}].{fault}") from None
    return tuple(images)


def _needed(value: T | None, member: str) -> T:
    if value is None:
        raise UserError(f"{member}: is missing")
    return value


def _text(detail: Mapping[str, Any], member: str) -> str | None:
    value = detail.get(member)
    if value is not None and not isinstance(value, str):
        raise UserError(f"{member}: must be a string")
    return value


def _tags(detail: Mapping[str, Any]) -> tuple[str, ...]:
    tags = detail.get("imageTags") or ()
    if not isinstance(tags, (list, tuple)) or not all(isinstance(tag, str) for tag in tags):
        raise UserError("imageTags: must be a list of strings")
    return tuple(tags)


def _size(detail: Mapping[str, Any]) -> int:
    size = detail.get("imageSizeInBytes") or 0
    if not isinstance(size, int):
        raise UserError("imageSizeInBytes: must be an integer")
    return size


def _time(detail: Mapping[str, Any], member: str) -> datetime | None:
    value = detail.get(member)
    try:
        match value:
            case None:
                return None
            case datetime():
                moment = value
            case str():
                moment = datetime.fromisoformat(value)
            case _:
                moment = datetime.fromtimestamp(float(value), UTC)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, OverflowError, OSError):
        raise UserError(f"{member}: {value!r} is not a time; use ISO 8601 or seconds since 1970") from None
