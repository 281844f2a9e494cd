"""What the commands of ``instep`` share."""
