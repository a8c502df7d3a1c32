"""Logs and metrics of the functions: JSON logs keyed by CloudFormation's request, metrics in the log (EMF).

The modules of this package log with the standard library; their loggers are children of the one made here.
"""

from __future__ import annotations

import json
from functools import partial

from aws_lambda_powertools import Logger, Metrics

# ASCII, because a line with a lone surrogate, which JSON allows in an event, could not be written and would be lost.
_ascii = partial(json.dumps, default=str, separators=(",", ":"))

logger = Logger(service="ecr_controller", json_serializer=_ascii)
metrics = Metrics(namespace="ecr-controller", service="ecr_controller")
