"""Images in use, which no lifecycle policy expires: what runs, and the tags that hold it."""
