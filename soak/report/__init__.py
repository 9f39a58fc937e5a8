"""What a long run found, for people: one page, made of one JSON object and the samples."""
