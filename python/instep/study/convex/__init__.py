"""Convex problems on which Adam fails, and AMSGrad not."""
