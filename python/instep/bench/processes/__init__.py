"""Steps of several processes: ``instep bench --processes``, and a model of what they take."""
