"""What several processes do together; `test_distributed` runs it."""
