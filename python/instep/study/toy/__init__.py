"""One cubic, five starting points: when a search ends, and what comes after."""
