"""What `ecrctl export` does."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

from ecr_controller.errors import UserError, count, listed
from ecrctl import concurrency, console
from ecrctl.exporting import exported, owner_of, templates
from ecrctl.inputs import ecr
from ecrctl.inputs.inventory import Inventory

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ecrctl.exporting import Exported

NAMES = 5


def run(
    prefix: str,
    region: str | None,
    profile: str | None,
    *,
    controller: str,
    include_managed: bool,
    output_file: str | None,
    output_directory: str | None,
) -> int:
    """Write the templates. Returns the exit code. Raises UserError and RetryableError."""
    if output_file is not None and output_directory is not None:
        raise UserError("--output-file cannot be used with --output-directory: remove one")
    with ecr.translated_errors():
        resources = _read(prefix, region, profile, include_managed=include_managed)
    if not resources:
        raise UserError("there is no repository to export")
    written = templates(resources, controller)
    if output_directory is not None:
        _write_all(written, output_directory)
    elif len(written) > 1:
        number = count(len(resources), "repository", "repositories")
        raise UserError(f"{number} need {len(written)} templates: specify --output-directory")
    else:
        console.write(written[0].rstrip("\n"), output_file)
    for each in resources:
        for note in each.notes:
            console.print_note(f"{each.name}: {note}")
    return 0


def _read(prefix: str, region: str | None, profile: str | None, *, include_managed: bool) -> Sequence[Exported]:
    client = ecr.client(region, profile)
    inventory, names = Inventory(client), ecr.Registry(client).names(prefix)
    found = concurrency.of_each(names, inventory.read, "Reading")
    managed, resources = defaultdict[str, list[str]](list), []
    for name, each in zip(names, found, strict=True):
        if each is None:
            console.print_note(f"{name}: the repository was deleted meanwhile")
        elif (owner := owner_of(each)) is not None and not include_managed:
            managed[owner.partition("stack/")[2].partition("/")[0] or owner].append(name)
        else:
            resources.append(exported(each))
    for stack, left_out in managed.items():
        number = count(len(left_out), "repository", "repositories")
        shown = listed(left_out[:NAMES], len(left_out))
        console.print_note(f"{number} of the stack {stack} left out: {shown}. To export them, use --include-managed.")
    return resources


def _write_all(written: Sequence[str], directory: str) -> None:
    folder = Path(directory)
    paths = [folder / f"repositories-{i}.yaml" for i in range(1, len(written) + 1)]
    present = [str(path) for path in paths if path.exists()]
    if present:
        raise UserError(f"--output-directory: {', '.join(present)} exists already: choose another directory")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{directory}: cannot be written: {error.strerror}") from None
    for path, text in zip(paths, written, strict=True):
        console.write(text.rstrip("\n"), str(path))
