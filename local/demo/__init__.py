"""`make demo`: the whole job once, on an embedded AWS."""
