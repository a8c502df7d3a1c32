"""What is run by hand in this repository, and by no user."""
