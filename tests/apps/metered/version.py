"""The benchmark writes this anew for each version."""

VERSION = "v0"
