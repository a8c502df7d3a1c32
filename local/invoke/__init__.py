"""`make invoke`: one function on one event, in its container."""
