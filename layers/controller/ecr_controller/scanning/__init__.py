"""Image scans: what their events say, where they are routed, and what they stop."""
