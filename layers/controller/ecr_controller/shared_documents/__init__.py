"""Documents with many owners: each stores its part in a table, and all converge on one document."""
