"""Image scans: starting them, reading their findings, and deciding whether a deployment continues."""
