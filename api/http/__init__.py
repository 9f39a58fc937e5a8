"""The HTTP application: what it answers, to whom, and within which bounds."""
