"""ZIP archives that have the same bytes whenever and wherever they are made of the same files."""

from __future__ import annotations

import hashlib
import io
import zipfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_EARLIEST = (1980, 1, 1, 0, 0, 0)  # that a ZIP archive can hold
_READABLE_FILE = 0o100644 << 16


def archive(folder: Path, *, byte_code: bool) -> bytes:
    """The files of a folder, as Lambda takes them. Links are followed, as `sam package` does."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as zipped:
        for path in sorted(each for each in folder.rglob("*") if each.is_file()):
            if not byte_code and "__pycache__" in path.parts:
                continue
            entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), _EARLIEST)
            entry.external_attr, entry.compress_type = _READABLE_FILE, zipfile.ZIP_DEFLATED
            zipped.writestr(entry, path.read_bytes())
    return written.getvalue()


def digest(content: bytes) -> str:
    """SHA-256, in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()
