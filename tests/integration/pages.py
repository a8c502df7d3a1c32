"""The commands of a page of the documentation, and a shell that runs them on an embedded AWS."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from textwrap import dedent
from typing import IO, TYPE_CHECKING

from tests.integration import aws_command

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from local.emulator.process import Emulator

ANYTHING = "…"


@dataclass(frozen=True)
class Shown:
    """A command of the page, and the output below it."""

    command: str
    output: str

    @property
    def pattern(self) -> str:
        """The output as a regular expression. ANYTHING stands for a part of a line, or alone for any lines."""
        lines = self.output.strip().splitlines()
        return "".join(r"(?:.*\n)*" if line.strip() == ANYTHING else f"{_expression(line)}\n" for line in lines)


def _expression(line: str) -> str:
    return r".*".join(map(re.escape, line.split(ANYTHING)))


def commands(page: str) -> list[Shown]:
    """All commands of a page."""
    blocks = re.findall(r"^( *)```console\n(.*?)^ *```", page, re.DOTALL | re.MULTILINE)
    texts = [dedent(text) for _, text in blocks]
    return [split(each) for text in texts for each in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]]


def split(text: str) -> Shown:
    """A command ends with the first line at which it is complete for the shell."""
    lines = text.splitlines()
    for number in range(1, len(lines) + 1):
        command = "\n".join(lines[:number])
        if (
            not command.endswith("\\")
            and subprocess.run(["bash", "-n", "-c", command], capture_output=True).returncode == 0
        ):
            return Shown(command, "\n".join(lines[number:]))
    raise AssertionError(f"not a command: {text}")


class Shell:
    """One bash for the whole page, because later commands use the variables of earlier ones."""

    END = "end-of-command"

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._errors = folder / "stderr.txt"
        self._process = subprocess.Popen(
            ["bash", "--norc"],
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def run(self, command: str, *, fails: bool = False) -> str:
        """What the command prints. Raises AssertionError if it fails, or if it should and doesn't."""
        keyboard, screen = self._process.stdin, self._process.stdout
        assert keyboard is not None
        assert screen is not None
        keyboard.write(f"exec 2> {shlex.quote(str(self._errors))}\n{command}\ncode=$?; echo; echo {self.END} $code\n")
        keyboard.flush()
        output, code = self._until_end(screen)
        assert (code != 0) is fails, f"{command}\n{self._errors.read_text(encoding='utf-8')}"
        return output

    def _until_end(self, screen: IO[str]) -> tuple[str, int]:
        lines = list[str]()
        for line in screen:
            if line.startswith(self.END):
                return "".join(lines), int(line.split()[1])
            lines.append(line)
        raise AssertionError("the shell ended")

    def close(self) -> None:
        self._process.communicate()


def save_files(page: str, folder: Path) -> None:
    """Save what the page has the reader save: a template, rules or properties `as` a file."""
    for name, text in re.findall(r"\bas\s+`([\w.]+)`.*?```yaml\n(.*?)```", page, re.DOTALL):
        (folder / name).write_text(dedent(text), encoding="utf-8")


# `sam deploy` of the controller, which has no `--template-file` in the tree of a reader, uses what `sam build` made.
SAM = """\
#!/bin/sh
case " $* " in
  *" build "*) exit 0 ;;
  *" --template-file "*) ;;
  *) set -- "$@" --template-file {template} --capabilities CAPABILITY_IAM ;;
esac
case " $* " in
  *" --capabilities "*) ;;
  *) set -- "$@" --capabilities CAPABILITY_IAM ;;
esac
exec {python} -m samcli "$@" --resolve-s3 --no-confirm-changeset > sam.txt
"""


@contextmanager
def shell(account: Emulator, built: Path, folder: Path) -> Iterator[Shell]:
    """A shell in a folder, with `aws`, and with `sam` for the built template."""
    programs = folder / "bin"
    programs.mkdir()
    sam = programs / "sam"
    sam.write_text(SAM.format(template=built, python=sys.executable), encoding="utf-8")
    sam.chmod(0o755)
    environment = account.environment()
    environment |= {"PATH": f"{programs}:{environment['PATH']}", "SAM_CLI_TELEMETRY": "0", "COLUMNS": "200"}
    with aws_command.installed(programs, aws_command.AwsCommand(cache(account.client), folder)):
        opened = Shell(folder, environment)
        yield opened
        opened.close()
