"""What a rescan that Amazon ECR refuses costs: HTTP requests, and time beside that of one that it accepts.

A local server stands for ECR. Without the latency of a network, the ratio shows pauses between retries.
"""

from __future__ import annotations

import logging
import os
from time import perf_counter
from unittest.mock import patch

from rich.console import Console
from rich.table import Table

from benchmarks import _canned_aws
from ecr_controller import aws
from ecr_controller.image_scans.ecr import Image, ScanStarts

IMAGES = 50
REFUSED = {"__type": "LimitExceededException"}


def measure(answer: dict[str, str]) -> tuple[float, float]:
    """HTTP requests and milliseconds per image, if ECR answers StartImageScan with this."""
    with _canned_aws.canned_aws() as server, patch.dict(_canned_aws.ANSWERS, StartImageScan=answer):
        names = {"ENDPOINT_URL": server.url, "DEFAULT_REGION": "eu-west-1"}
        names |= {"ACCESS_KEY_ID": "test", "SECRET_ACCESS_KEY": "test"}
        with patch.dict(os.environ, {f"AWS_{name}": value for name, value in names.items()}):
            aws.client.cache_clear()
            starts = ScanStarts()
            starts.start_image_scan(Image("team/app", f"sha256:{0:064}"))  # makes the client
            server.clear()
            started = perf_counter()
            for number in range(IMAGES):
                starts.start_image_scan(Image("team/app", f"sha256:{number:064}"))
            seconds = perf_counter() - started
            aws.client.cache_clear()
        return len(server.calls) / IMAGES, seconds / IMAGES * 1000


def main() -> None:
    """Print the table."""
    logging.disable()
    (accepted, accepted_time), (refused, refused_time) = measure({}), measure(REFUSED)
    table = Table("StartImageScan", "HTTP requests per image", "milliseconds", title="Rescans", title_style="")
    for column in table.columns[1:]:
        column.justify = "right"
    table.add_row("accepted", f"{accepted:.0f}", f"{accepted_time:.1f}")
    table.add_row("refused", f"{refused:.0f}", f"{refused_time:.1f}")
    table.add_row("ratio", f"{refused / accepted:.1f}", f"{refused_time / accepted_time:.1f}")
    Console().print(table)
    logging.disable(logging.NOTSET)


if __name__ == "__main__":
    main()
