"""The template for the AWS Serverless Application Repository, which keeps the SAM transform."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

from tools.release.flat_template import CODE

if TYPE_CHECKING:
    from collections.abc import Mapping

# Quotas and formats: "AWS SAM template Metadata section properties", AWS Serverless Application Repository.
METADATA = {
    "Name": "ecr-controller",
    "Description": (
        "Custom resources for Amazon ECR repositories, baselines, lifecycle policies, grants, event routes and image "
        "scans, for every CloudFormation stack of an account and Region."
    ),
    "Author": "ecr-controller",
    "SpdxLicenseId": "Apache-2.0",
    "LicenseUrl": "LICENSE",
    "ReadmeUrl": "README.md",
    "Labels": ["ecr", "containers", "cloudformation", "lifecycle", "security"],
}


def serverless_application(sam: Mapping[str, Any], paths: Mapping[str, str], version: str) -> dict[str, Any]:
    """The SAM template for `sam package` and `sam publish`, with the paths of the archives, by logical ID."""
    template = deepcopy(dict(sam))
    template["Metadata"]["AWS::ServerlessRepo::Application"] = {**METADATA, "SemanticVersion": version}
    for logical_id, resource in template["Resources"].items():
        resource.pop("Metadata", None)
        if resource["Type"] in CODE:
            resource["Properties"][CODE[resource["Type"]]] = paths[logical_id]
    return template
