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
from tools.release import DIST, UPLOADS
from tools.release.archive import archive, digest
from tools.release.flat_template import CODE, MOST_BYTES, flat_template, minified
from tools.release.serverless_application import serverless_application

PREFIX = f"ecr-controller/{__version__}"
TEMPLATE = UPLOADS / PREFIX / "template.json"
APPLICATION = DIST / "serverless-application"
CHECKSUMS = DIST / "SHA256SUMS"


def package() -> None:
    """Build it. Raises CommandError."""
    shutil.rmtree(DIST, ignore_errors=True)
    sam = yaml_parse((ROOT / "template.yaml").read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as folder:
        _run("sam", "build", "--build-dir", folder)
        keys = {name: _add_archive(name, Path(folder)) for name in _with_code(sam)}
    text = minified(flat_template(sam, keys, __version__))
    if len(text.encode()) > MOST_BYTES:
        raise CommandError(f"The template has {len(text.encode())} bytes; CloudFormation accepts {MOST_BYTES}.")
    TEMPLATE.write_text(text, encoding="utf-8")
    _add_application(sam, keys)
    _run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(DIST))
    files = sorted(path for path in DIST.rglob("*") if path.is_file())
    lines = [f"{digest(path.read_bytes())}  {path.relative_to(DIST)}\n" for path in files]
    CHECKSUMS.write_text("".join(lines), encoding="utf-8")


def _with_code(sam: dict[str, Any]) -> list[str]:
    return [name for name, resource in sam["Resources"].items() if resource["Type"] in CODE]


def _add_archive(logical_id: str, built: Path) -> str:
    """Zip the code of a function or layer; its key. A key is never used for other content."""
    folder, was_built = built / logical_id, (built / logical_id).is_dir()
    if not was_built:  # SkipBuild: the code is in the tree, maybe with byte code of another Python
        built_template = yaml_parse((built / "template.yaml").read_text(encoding="utf-8"))
        resource = built_template["Resources"][logical_id]
        folder = (built / resource["Properties"][CODE[resource["Type"]]]).resolve()
    content = archive(folder, byte_code=was_built)
    key = f"{PREFIX}/{logical_id}-{digest(content)[:16]}.zip"
    path = UPLOADS / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return key


def _add_application(sam: dict[str, Any], keys: dict[str, str]) -> None:
    APPLICATION.mkdir()
    paths = {name: os.path.relpath(UPLOADS / key, APPLICATION) for name, key in keys.items()}
    template = serverless_application(sam, paths, __version__)
    (APPLICATION / "template.yaml").write_text(yaml_dump(template), encoding="utf-8")
    for name in ("LICENSE", "README.md"):
        shutil.copy(ROOT / name, APPLICATION)


def _run(*command: str) -> None:
    environment = os.environ | {"SAM_CLI_TELEMETRY": "0"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CommandError(f"{' '.join(command[:2])} failed:\n{done.stdout}{done.stderr}")


def main() -> int:
    """Build it, and list it."""
    try:
        package()
    except (CommandError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    for line in CHECKSUMS.read_text(encoding="utf-8").splitlines():
        path = DIST / line.split("  ", 1)[1]
        print(f"{path.stat().st_size:>10,}  {path.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
