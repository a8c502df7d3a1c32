"""Lifecycle policies: what is declared, what ECR takes, and what a policy does to images."""
