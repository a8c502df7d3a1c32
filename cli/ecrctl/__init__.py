"""ecrctl: what people ask of ECR before a stack does it."""
