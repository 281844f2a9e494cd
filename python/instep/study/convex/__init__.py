"""Convex problems: where Adam fails and AMSGrad not, and means in the place of schedules."""
