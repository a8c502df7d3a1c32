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
# To log in at the registry, docker needs a token besides; the right to one is not a repository's to give.
NEEDS_TOKEN = ("Pull", "Push", "PullPush")
LOGIN = "ecr:GetAuthorizationToken"


def name_of(actions: tuple[str, ...]) -> str:
    """The access that these actions are, or nothing."""
    return next((name for name, known in ACTIONS.items() if known == actions), "")
