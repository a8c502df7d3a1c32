"""Removes from the installed packages what no function uses.

    python3 prune.py FOLDER

Of botocore's services, those in services.txt stay, in their latest version. At every cold start botocore parses their
models and endpoints.json, so these lose their compression, their documentation and the endpoints of other services.
"""

from __future__ import annotations

import gzip
import json
import shutil
import sys
from pathlib import Path
from typing import Any

SERVICES = Path(__file__).with_name("services.txt").read_text(encoding="utf-8").split()


def main(packages: Path) -> None:
    """Prune what pip installed in a folder."""
    shutil.rmtree(packages / "aws_lambda_powertools" / "event_handler")  # for web APIs: a fifth of the layer
    shutil.rmtree(packages / "bin")  # commands
    for record in packages.glob("*.dist-info/RECORD"):
        record.unlink()  # what pip installed, with those commands, which differ from machine to machine
    data = packages / "botocore" / "data"
    for folder in data.iterdir():
        if folder.is_dir() and folder.name not in SERVICES:
            shutil.rmtree(folder)
    prune_endpoints(data / "endpoints.json", {prune_service(data / service) for service in SERVICES})


def prune_service(folder: Path) -> str:
    """Unpack the latest version of a service, and remove the others; the name that it has in endpoints.json."""
    *older, latest = sorted(folder.iterdir())
    for version in older:
        shutil.rmtree(version)
    for compressed in latest.glob("*.json.gz"):
        write(compressed.with_suffix(""), without_documentation(json.loads(gzip.decompress(compressed.read_bytes()))))
        compressed.unlink()
    prefix: str = json.loads((latest / "service-2.json").read_bytes())["metadata"]["endpointPrefix"]
    return prefix


def without_documentation(value: Any) -> Any:
    """The same without the texts called documentation. Members of structures stay, also those of that name."""
    if isinstance(value, dict):
        kept = {key: each for key, each in value.items() if key != "documentation" or not isinstance(each, str)}
        return {key: without_documentation(each) for key, each in kept.items()}
    return [without_documentation(each) for each in value] if isinstance(value, list) else value


def prune_endpoints(path: Path, names: set[str]) -> None:
    """Keep the endpoints of some services, in all partitions and Regions."""
    content = json.loads(path.read_bytes())
    for partition in content["partitions"]:
        partition["services"] = {name: each for name, each in partition["services"].items() if name in names}
    write(path, content)


def write(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, separators=(",", ":")), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
