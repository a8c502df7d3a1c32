"""Steps of a run that a person watches: each is announced, timed, and named when it fails."""

from __future__ import annotations

import signal
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape

from local import deploy
from local.emulator.process import Emulator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

console = Console(highlight=False, soft_wrap=not sys.stdout.isatty())


class StepFailed(Exception):
    """A step ended in an error, which is told already."""


@contextmanager
def step(title: str) -> Iterator[None]:
    """Show that something is under way, then how long it took. What it raises is told, and becomes StepFailed."""
    started = time.monotonic()
    try:
        with console.status(escape(title)):
            yield
    except Exception as error:
        console.print(f"[red]✗[/] {escape(title)} [red]failed[/] after {time.monotonic() - started:.1f} s")
        console.print(escape(str(error)), style="red")
        raise StepFailed(title) from error
    console.print(f"[green]✓[/] {escape(title)} [dim]{time.monotonic() - started:.1f} s[/]")


def heading(text: str) -> None:
    """Begin a new part."""
    console.print()
    console.print(f"[bold]{escape(text)}[/]")


def say(text: str) -> None:
    """One line of explanation."""
    console.print(f"  {escape(text)}", style="dim")


def run(main: Callable[[], None]) -> int:
    """The exit code of a run: 0, 1 where a step failed, 130 where it was interrupted. SIGTERM unwinds like Ctrl-C."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        main()
    except StepFailed:
        return 1
    except KeyboardInterrupt:
        console.print("Interrupted; what was started is stopped.")
        return 130
    return 0


@contextmanager
def running_controller() -> Iterator[Emulator]:
    """An embedded AWS with the controller deployed; where a step fails, what the functions logged is shown."""
    with step("Starting the embedded AWS, IAM enforced"):
        emulator = Emulator.start()
    with emulator as aws:
        try:
            with step("sam build"):
                template = deploy.build(aws.folder, aws.environment())
            with step("sam deploy of the controller"):
                deploy.deploy(template, aws.environment(), parameters=deploy.RESCANS)
            yield aws
        except StepFailed:
            _show_function_logs(aws)
            raise


def _show_function_logs(aws: Emulator) -> None:
    """The last lines that the controller's functions logged."""
    logs = aws.client("logs")
    for group in logs.describe_log_groups(logGroupNamePrefix="/aws/lambda/")["logGroups"]:
        events = logs.filter_log_events(logGroupName=group["logGroupName"])["events"]
        if events:
            heading(f"The log {group['logGroupName']} ends with")
            for event in events[-12:]:
                console.print(escape(event["message"].rstrip()), style="dim")
