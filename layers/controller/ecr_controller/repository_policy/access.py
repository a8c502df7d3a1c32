"""The actions of each kind of access, exactly those of the CDK's ``grantRead``, ``grantPull``, ``grantPush`` and
``grantPullPush``, in its order."""

from __future__ import annotations

READ = ("ecr:DescribeRepositories", "ecr:DescribeImages")
PULL = ("ecr:BatchCheckLayerAvailability", "ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage")
PUSH = (
    "ecr:CompleteLayerUpload",
    "ecr:UploadLayerPart",
    "ecr:InitiateLayerUpload",
    "ecr:BatchCheckLayerAvailability",
    "ecr:PutImage",
)
ACTIONS = {"Read": READ, "Pull": PULL, "Push": PUSH, "PullPush": tuple(dict.fromkeys(PULL + PUSH))}
# These also need an authorization token, which a repository policy cannot grant.
NEEDS_TOKEN = ("Pull", "Push", "PullPush")
LOGIN = "ecr:GetAuthorizationToken"


def name_of(actions: tuple[str, ...]) -> str:
    """The kind of access that consists of these actions, or ""."""
    return next((name for name, known in ACTIONS.items() if known == actions), "")
