# The smallest app has no file that says what it needs.
