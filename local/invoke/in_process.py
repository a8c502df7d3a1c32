"""Run one function on an event, with the code here: `python -m local.invoke.in_process FUNCTION EVENT`.

The last line of the output is what the function returns.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass, field

from local import ROOT


@dataclass(frozen=True, slots=True)
class Context:
    """Lambda's context object."""

    function_name: str
    end: float = field(default_factory=lambda: time.time() + 300)
    memory_limit_in_mb: int = 512
    aws_request_id: str = "local"
    log_group_name: str = "local"
    log_stream_name: str = "local"

    @property
    def invoked_function_arn(self) -> str:
        """The ARN of a function in the account and Region of events/."""
        return f"arn:aws:lambda:eu-west-1:123456789012:function:{self.function_name}"

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until Lambda would end the function."""
        return round((self.end - time.time()) * 1000)


def main(function: str, event: str) -> None:
    """Run it, and print what it returns."""
    sys.path[:0] = [str(ROOT / "functions" / function), str(ROOT / "layers" / "controller")]
    from app import handler  # type: ignore[import-not-found]

    print(json.dumps(handler(json.loads(event), Context(function))))


if __name__ == "__main__":
    main(*sys.argv[1:])
