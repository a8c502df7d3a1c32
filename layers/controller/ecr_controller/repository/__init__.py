"""Repositories: what is declared, what is there, the difference, and the calls that it needs."""
