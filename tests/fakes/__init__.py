"""Stand-ins for what tests cannot have for real as often as they want it."""
