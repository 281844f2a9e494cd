"""Libraries that take a torch optimizer train with a drop-in as they do with torch's own."""
