"""The environment variables of the functions. The template sets, for each function, those that its code reads."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class Config:
    """One field a variable, which has the same name in capital letters; "" where it is not set."""

    parts_table: str
    """The name of the DynamoDB table of parts of shared documents."""
    deliveries_table: str
    """The name of the DynamoDB table of deliveries."""
    dead_letters: str
    """The URL of the dead-letter queue of the queue that feeds the function."""
    max_receives: str
    """How often that queue delivers a message before it moves it to the dead-letter queue: its maxReceiveCount."""
    authorization_token_policy: str
    """The ARN of the managed policy that allows ecr:GetAuthorizationToken."""
    public_gallery_authorization_token_policy: str
    """The ARN of the managed policy that allows the same for the Amazon ECR Public Gallery."""
    home_region: str
    """The Region of the table of attachments; "" if the controller shares the two policies with no other one."""
    repository_names: str
    """The repositories that the controller manages, as a pattern in which ``*`` stands for any characters."""
    boundaries: str
    """The repositories that stacks manage, as ``STACKS=REPOSITORIES`` pairs of patterns, separated by commas."""
    grantee_accounts: str
    """The accounts that grants can name beside this one, separated by commas; ``*`` stands for all."""
    grantee_organization: str
    """The organization that grants can name."""
    public_grants: str
    """Whether grants can name everyone: "true", or anything else."""
    denied_grant_actions: str
    """The actions that no grant can hold, separated by commas; "" stands for the default of the template."""
    lifecycle_max_images: str
    """How many images a change of a lifecycle policy can expire or archive; "" for any number."""
    lifecycle_max_percent: str
    """How many percent of the images of a repository it can expire or archive; "" for any."""
    finding_windows: str
    """The URL of the queue that delivers the end of a period of summed findings."""
    controller_roles: str
    """The ARNs of the roles of the functions that change repositories, separated by commas."""
    resync_function: str
    """The name of the function that plans a resync."""
    in_use_function: str
    """The name of the function that looks at what runs."""
    resync_queue: str
    """The URL of the queue of repositories to resync."""
    rescan_queue: str
    """The URL of the queue of repositories to scan again."""
    newest_images: str
    """How many images of each repository are scanned again."""


def config() -> Config:
    """The variables as they are now."""
    return Config(**{each.name: os.environ.get(each.name.upper(), "") for each in fields(Config)})


def is_sam_local() -> bool:
    """Whether `sam local invoke` runs the function: the SAM CLI then sets AWS_SAM_LOCAL."""
    return os.environ.get("AWS_SAM_LOCAL") == "true"
