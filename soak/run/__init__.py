"""A soak from its beginning to its report: profiles, the runner, its journal, and the command."""
