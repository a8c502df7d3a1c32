"""`make local`: run an embedded AWS with the controller until you press Ctrl-C."""

from __future__ import annotations

import signal
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.markup import escape

from local import deploy
from local.emulator.process import Emulator
from local.progress import StepFailed, console, heading, run, step

if TYPE_CHECKING:
    from collections.abc import Iterator

TRY = """
  export AWS_ENDPOINT_URL={endpoint} AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_DEFAULT_REGION={region}
  export SAM_CLI_TELEMETRY=0 PATH={bin}:$PATH

  sam deploy --template-file examples/quickstart.yaml --stack-name shop --region {region} --no-confirm-changeset
  python -m local.push team/app prod-1.0
  python -m local.show team/app
  sam delete --stack-name shop --region {region} --no-prompts    # fails, because the repository contains an image
  python -m local.stack shop                                     # shows why
  # To delete a repository with its images, set EmptyOnDelete: true in the template and deploy it before.
  python -m local.stack shop --events                            # shows everything that happened in the stack
  python -m local.queues                                         # shows how many messages each queue has
  python -m local.queues ScanDeadLetters                         # shows the messages of one

  Each command has --help. docs/developing.md lists more of them.
"""


def main() -> None:
    """Start, deploy, print commands to try, and wait."""
    with running_controller() as aws:
        heading("The controller is deployed. Try it in another terminal, in this folder:")
        print(TRY.format(endpoint=aws.endpoint, region=aws.region, bin=f"{sys.prefix}/bin"))
        console.print(f"The emulator logs to {aws.log_path}. Ctrl-C stops it and removes everything.", style="dim")
        signal.pause()


@contextmanager
def running_controller(**parameters: str) -> Iterator[Emulator]:
    """An embedded AWS with the controller deployed, with more parameters of its stack.

    Where a step fails, what the functions logged is shown.
    """
    with step("Starting the embedded AWS, IAM enforced"):
        emulator = Emulator.start()
    with emulator as aws:
        try:
            with step("sam build"):
                template = deploy.build(aws.folder, aws.environment())
            with step("sam deploy of the controller"):
                deploy.deploy(template, aws.environment(), parameters=deploy.EVERYTHING | parameters)
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


if __name__ == "__main__":
    sys.exit(run(main))
