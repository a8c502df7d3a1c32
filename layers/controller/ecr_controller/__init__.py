"""ecr-controller: Amazon ECR repositories, lifecycle rules, grants and scan routes, declared in any template."""

import gc

__version__ = "1.0.0"

# A tenth of a cold start goes into looking for garbage among what was just imported. There is none.
gc.set_threshold(100_000)
