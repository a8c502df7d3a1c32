"""Lifecycle policies: what is declared, what ECR accepts, and what a policy does to images."""
