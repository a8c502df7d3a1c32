"""The command line: each command, its options and its help. What a command does is imported when it runs."""
