"""The embedded AWS: an emulator in a process of its own, and the images that are pushed to it."""
