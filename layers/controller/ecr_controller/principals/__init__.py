"""Principals: how a template names them, and the calls to IAM that concern them."""
