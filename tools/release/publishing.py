"""What has to be uploaded to a bucket, given what is there."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class Action(Enum):
    """What becomes of a file."""

    UPLOAD = "upload"
    KEEP = "is there"
    REFUSE = "differs"


@dataclass(frozen=True, slots=True)
class Step:
    """One file of one bucket. ``key`` is its key there."""

    key: str
    action: Action


def plan(files: Mapping[str, str], present: Mapping[str, str]) -> list[Step]:
    """The steps for files with these SHA-256 digests, if the bucket has these. A version is never replaced: stacks may
    have been deployed from it, and its code is cached under its key."""
    return [Step(key, _action(digest, present.get(key))) for key, digest in sorted(files.items(), key=_template_last)]


def _template_last(file: tuple[str, str]) -> tuple[bool, str]:
    """Whoever finds the template finds all that it refers to."""
    key, _ = file
    return key.endswith("/template.json"), key


def _action(digest: str, present: str | None) -> Action:
    if present is None:
        return Action.UPLOAD
    return Action.KEEP if present == digest else Action.REFUSE
