"""The resync: every repository is looked at again, by events and by a clock."""
