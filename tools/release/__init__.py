"""A release: what `make package` builds in dist/, and what `make publish` uploads of it."""

from dataclasses import dataclass
from pathlib import Path

from ecr_controller import __version__
from local import ROOT

PREFIX = f"ecr-controller/{__version__}"


@dataclass(frozen=True, slots=True)
class Release:
    """The folder of a release, and what is where in it."""

    folder: Path = ROOT / "dist"

    @property
    def uploads(self) -> Path:
        """What is uploaded to Amazon S3. A file's path in this folder is its key."""
        return self.folder / "s3"

    @property
    def template(self) -> Path:
        """The flat template."""
        return self.uploads / PREFIX / "template.json"

    @property
    def application(self) -> Path:
        """The application for the AWS Serverless Application Repository."""
        return self.folder / "serverless-application"

    @property
    def checksums(self) -> Path:
        """The SHA-256 digests of all other files."""
        return self.folder / "SHA256SUMS"

    def files(self) -> list[Path]:
        """All files but the checksums."""
        return sorted(path for path in self.folder.rglob("*") if path.is_file() and path != self.checksums)
