"""The protocol of CloudFormation custom resources: one request in, exactly one answer out."""
