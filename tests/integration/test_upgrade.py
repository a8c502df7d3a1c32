"""The present template is deployed over the last release, with a stack of everything that the release made.

`upgrade-from.txt` names the commit of the release. Change it with each release. It cannot be earlier than the commit
that names the functions behind service tokens, because CloudFormation does not change the token of a resource.
"""

from __future__ import annotations

import io
import subprocess
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from local import ROOT, deploy
from tests.integration.conftest import ON_REAL_AWS
from tests.integration.everything import Everything, imported
from tests.integration.test_operations import TYPES

if TYPE_CHECKING:
    from local.emulator.process import Emulator

pytestmark = pytest.mark.skipif(
    ON_REAL_AWS, reason="it deploys a further controller, which retains tables and policies"
)

# Types that the last release does not have.
NEW = ("ECREventRoute", "ECRRepositoryBaseline")
NAMED_IN = Path(__file__).with_name("upgrade-from.txt")


class MissingReleaseError(Exception):
    """The commit of the release is not in this clone."""


def git(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    """Run git in this clone, whoever owns it."""
    return subprocess.run(["git", "-c", "safe.directory=*", *arguments], cwd=ROOT, capture_output=True, check=False)


def has_history() -> bool:
    """Whether this is a clone with all commits, not an export or a shallow clone."""
    return git("rev-parse", "--is-shallow-repository").stdout.strip() == b"false"


def archive(commit: str, folder: Path) -> Path:
    """The tree of a commit, in a folder of its own. Raises MissingReleaseError."""
    archived = git("archive", commit)
    if archived.returncode != 0:
        raise MissingReleaseError(
            f"This clone has no commit {commit}, from which {NAMED_IN.relative_to(ROOT)} upgrades. It needs the"
            f" history: `git fetch --unshallow`. git: {archived.stderr.decode().strip()}"
        )
    with tarfile.open(fileobj=io.BytesIO(archived.stdout)) as tree:
        tree.extractall(folder, filter="data")
    return folder


def parts_table(aws: Emulator, controller: str) -> str:
    """The physical name of the table of parts, which earlier templates have no output for."""
    found = aws.client("cloudformation").describe_stack_resource(StackName=controller, LogicalResourceId="PartsTable")
    return str(found["StackResourceDetail"]["PhysicalResourceId"])


def test_a_commit_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingReleaseError, match=r"no commit 0123456, .* `git fetch --unshallow`"):
        archive("0123456", tmp_path)


@pytest.mark.timeout(600)
def test_a_stack_of_the_last_release_is_served_after_an_upgrade(
    aws: Emulator, prefix: str, built: Path, name: str, tmp_path: Path
) -> None:
    if not has_history():
        pytest.skip("The tree has no history, which contains the last release.")
    controller, parameters = f"{prefix}-upgraded", {"RepositoryNames": f"{prefix}*"}
    released = archive(NAMED_IN.read_text(encoding="utf-8").strip(), tmp_path / "release")
    template = deploy.build(tmp_path, aws.environment(), released)
    deploy.deploy(template, aws.environment(), controller, parameters)
    table = parts_table(aws, controller)
    everything = Everything(aws, name, imported(controller, *(each for each in TYPES if each not in NEW)))
    before = everything.observed()
    assert everything.stack.deploy(everything.template(1)).succeeded
    made, rows = everything.observed(), everything.rows(table)
    assert rows

    deploy.deploy(built, aws.environment(), controller, {**parameters, "GranteeAccounts": "999999999999"})

    assert parts_table(aws, controller) == table
    assert (everything.observed(), everything.rows(table)) == (made, rows)
    everything.update_and_delete(table, made, before)
