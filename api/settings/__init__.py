"""Settings: the table of all of them, where their values come from, and what they become."""
