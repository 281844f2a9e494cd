"""The benchmark: ``instep bench``, and the cases that ``tests/benchmarks`` shares with it."""
