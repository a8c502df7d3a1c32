"""The custom resource types, one module each."""
