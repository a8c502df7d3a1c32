"""Logs and metrics of the functions: JSON logs keyed by CloudFormation's request, metrics in the log (EMF).

The modules of this package log with the standard library; their loggers are children of the one made here.
"""

from __future__ import annotations

from aws_lambda_powertools import Logger, Metrics

logger = Logger(service="ecr_controller")
metrics = Metrics(namespace="ecr-controller", service="ecr_controller")
