"""Findings of Amazon Inspector about an image, also those of continuous scanning after its first scan.

Source: "Amazon Inspector event schema" in the Amazon Inspector user guide.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ecr_controller.event_routing.events import EcrEvent, envelope, optional_text, required_text, tags_of, texts

if TYPE_CHECKING:
    from collections.abc import Mapping

FINDING = "Inspector2 Finding"
_IMAGE = "AWS_ECR_CONTAINER_IMAGE"


def parse_finding(event: Mapping[str, Any], detail: Mapping[str, Any], partition: str) -> tuple[EcrEvent, ...]:
    """The finding, if it is about an image. Raises MalformedEvent."""
    resources = detail.get("resources")
    for resource in resources if isinstance(resources, list) else ():
        details = resource.get("details") if isinstance(resource, dict) else None
        image = details.get("awsEcrContainerImage") if isinstance(details, dict) else None
        if isinstance(image, dict) and resource.get("type") == _IMAGE:
            return (_finding(event, detail, image, partition),)
    return ()


def _finding(event: Mapping[str, Any], detail: Mapping[str, Any], image: Mapping[str, Any], partition: str) -> EcrEvent:
    found = envelope(event, required_text(image, "repositoryName"), partition)
    # Resources of the event are images; the ARN of one is that of its repository and its digest.
    vulnerability = detail.get("packageVulnerabilityDetails")
    members = {
        "findingArn": optional_text(detail, "findingArn"),
        "title": optional_text(detail, "title"),
        "severity": optional_text(detail, "severity") or "UNTRIAGED",
        "status": optional_text(detail, "status"),
        "fixAvailable": optional_text(detail, "fixAvailable"),
        "vulnerabilityId": optional_text(vulnerability, "vulnerabilityId") if isinstance(vulnerability, dict) else None,
    }
    return EcrEvent(
        name="Finding",
        **found,
        image_digest=required_text(image, "imageHash"),
        image_tags=tags_of(texts(image, "imageTags")),
        details={key: value for key, value in members.items() if value is not None},
    )
