"""`make package`: build everything that a release consists of, in dist/. It needs no AWS account."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from samcli.yamlhelper import yaml_dump, yaml_parse

from ecr_controller import __version__
from local import ROOT
from local.deploy import CommandError
from tools.release import PREFIX, Release
from tools.release.archive import archive, digest
from tools.release.flat_template import CODE, MOST_BYTES, flat_template, minified
from tools.release.serverless_application import serverless_application


def package(release: Release) -> None:
    """Build it. Raises CommandError."""
    shutil.rmtree(release.folder, ignore_errors=True)
    release.template.parent.mkdir(parents=True)
    sam = yaml_parse((ROOT / "template.yaml").read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as folder:
        _run("sam", "build", "--build-dir", folder)
        keys = _write_archives(Path(folder), release)
    text = minified(flat_template(sam, keys, __version__))
    if len(text.encode()) > MOST_BYTES:
        raise CommandError(f"The template has {len(text.encode())} bytes; CloudFormation accepts {MOST_BYTES}.")
    release.template.write_text(text, encoding="utf-8")
    shutil.copy(ROOT / "examples" / "organization" / "account.yaml", release.template.parent)
    _write_application(sam, keys, release)
    _run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(release.folder))
    lines = [f"{digest(path.read_bytes())}  {path.relative_to(release.folder)}\n" for path in release.files()]
    release.checksums.write_text("".join(lines), encoding="utf-8")


def _write_archives(built: Path, release: Release) -> dict[str, str]:
    """Zip the code of each function and layer; the keys. A key is never used for other content."""
    keys = {}
    for logical_id, resource in yaml_parse((built / "template.yaml").read_text(encoding="utf-8"))["Resources"].items():
        if resource["Type"] not in CODE:
            continue
        folder = (built / resource["Properties"][CODE[resource["Type"]]]).resolve()
        # What isn't built (SkipBuild) is in the tree, maybe with byte code of another Python.
        content = archive(folder, byte_code=folder.is_relative_to(built.resolve()))
        keys[logical_id] = f"{PREFIX}/{logical_id}-{digest(content)[:16]}.zip"
        (release.uploads / keys[logical_id]).write_bytes(content)
    return keys


def _write_application(sam: dict[str, Any], keys: dict[str, str], release: Release) -> None:
    release.application.mkdir()
    paths = {name: os.path.relpath(release.uploads / key, release.application) for name, key in keys.items()}
    template = serverless_application(sam, paths, __version__)
    (release.application / "template.yaml").write_text(yaml_dump(template), encoding="utf-8")
    for name in ("LICENSE", "README.md"):
        shutil.copy(ROOT / name, release.application)


def _run(*command: str) -> None:
    environment = os.environ | {"SAM_CLI_TELEMETRY": "0"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CommandError(f"{' '.join(command[:2])} failed:\n{done.stdout}{done.stderr}")


def main() -> int:
    """Build it, and list it."""
    release = Release()
    try:
        package(release)
    except (CommandError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    for path in release.files():
        print(f"{path.stat().st_size:>10,}  {path.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
