"""Grants: what the templates declare, and the policies for authorization tokens."""
