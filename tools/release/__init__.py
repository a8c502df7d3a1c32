"""A release: what `make package` builds in dist/, and what `make publish` uploads of it."""

from local import ROOT

DIST = ROOT / "dist"
# What is uploaded to Amazon S3. A file's path in this folder is its key.
UPLOADS = DIST / "s3"
