"""Ratios to a peer in the same run. Each prints one JSON object as its last line."""
