"""The captions page: its three files are served as they lie here, without a build step."""
