"""Baselines: settings for the repositories that no stack declares."""
