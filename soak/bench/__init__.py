"""`roomscribe bench`: figures, measured on the real thing. Commands, not tests: the machine decides what comes out."""
