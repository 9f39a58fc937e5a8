"""`roomscribe demo`: the main job on real speech, on one machine, without an account."""
