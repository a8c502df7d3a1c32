"""`ecrctl findings`."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from ecrctl.commands import options

Image = Annotated[
    str, typer.Argument(metavar="IMAGE", help="REPOSITORY:TAG or REPOSITORY@DIGEST, with or without the registry.")
]
FailOnSeverity = Annotated[
    str | None, typer.Option(metavar="SEVERITY", help="Fail on findings of this severity or higher.")
]
MaxFindings = Annotated[
    int | None, typer.Option(metavar="NUMBER", help="Number of these findings that are allowed. Default: 0.")
]
PropertiesFile = Annotated[
    str | None,
    typer.Option(metavar="FILE", help="Properties of Custom::ECRImageScan, such as Accepted, in YAML or JSON."),
]
Timeout = Annotated[int, typer.Option(metavar="SECONDS", min=1, help="Maximum time to wait for the scan.")]
Output = Annotated[Literal["text", "json"], typer.Option(metavar="FORMAT", help="text or json.")]


def findings(
    image: Image,
    fail_on_severity: FailOnSeverity = None,
    max_findings: MaxFindings = None,
    properties_file: PropertiesFile = None,
    timeout: Timeout = 840,
    region: options.Region = None,
    profile: options.Profile = None,
    output: Output = "text",
) -> None:
    """Scan an image, and evaluate its findings as Custom::ECRImageScan does.

    The exit code is 0 if the image is allowed, 2 if it isn't, and 1 if an error occurs.

    Examples:
      $ ecrctl findings team/app:v1 --fail-on-severity HIGH
      $ ecrctl findings team/app:v1 --properties-file gate.yaml --output json
    """
    from ecrctl.findings import run

    given = {"FailOnSeverity": fail_on_severity, "MaxFindings": max_findings}
    raise typer.Exit(run(image, given, properties_file, timeout, (region, profile), output))
