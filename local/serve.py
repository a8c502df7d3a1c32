"""`make local`: an embedded AWS with the controller in it, that stays until Ctrl-C."""

from __future__ import annotations

import signal
import sys

from local.progress import console, heading, run, running_controller

TRY = """
  export AWS_ENDPOINT_URL={endpoint} AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_DEFAULT_REGION={region}
  export PATH={bin}:$PATH

  sam deploy --template-file examples/quickstart.yaml --stack-name shop --no-confirm-changeset
  python -m local.push team/app prod-1.0
  python -m local.show team/app
  sam delete --stack-name shop --no-prompts    # fails, because the repository holds an image
"""


def main() -> None:
    """Start, deploy, print what can be tried, and wait."""
    with running_controller() as aws:
        heading("The controller runs. In another terminal, in this folder:")
        print(TRY.format(endpoint=aws.endpoint, region=aws.region, bin=f"{sys.prefix}/bin"))
        console.print(f"The emulator logs to {aws.log_path}. Ctrl-C ends it, and nothing stays.", style="dim")
        signal.pause()


if __name__ == "__main__":
    sys.exit(run(main))
