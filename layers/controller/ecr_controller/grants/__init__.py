"""Grants: who may do what with a repository, in documents that many stacks share."""
