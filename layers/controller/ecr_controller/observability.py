"""Logs and metrics of the functions: JSON logs keyed by CloudFormation's request, metrics in the log (EMF).

The modules of this package log with the standard library; their loggers are children of the one made here.
"""

from __future__ import annotations

import json
from functools import partial

from aws_lambda_powertools import Logger, Metrics, single_metric
from aws_lambda_powertools.metrics import MetricUnit

_NAMESPACE, _SERVICE = "ecr-controller", "ecr_controller"
# ASCII, because a line with a lone surrogate, which JSON allows in an event, could not be written and would be lost.
_ascii = partial(json.dumps, default=str, separators=(",", ":"))

logger = Logger(service=_SERVICE, json_serializer=_ascii)
metrics = Metrics(namespace=_NAMESPACE, service=_SERVICE)


def count_once(name: str) -> None:
    """Write a metric with the value 1 at once, with no dimension but the service, so that one alarm can watch it."""
    with single_metric(name=name, unit=MetricUnit.Count, value=1, namespace=_NAMESPACE) as metric:
        metric.add_dimension(name="service", value=_SERVICE)
