"""Repositories: what is declared, what ECR has, the difference, ownership, and the calls."""
