"""What a part finds, and how it is told, drawn and kept."""
