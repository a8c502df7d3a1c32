"""ecr-controller: Amazon ECR repositories, lifecycle rules, grants and scan routes, declared in any template."""

__version__ = "0.1.0"
