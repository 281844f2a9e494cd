"""Checkpoints: files from which an optimizer goes on bit for bit."""

from __future__ import annotations

from instep.checkpoint.error import CheckpointError

__all__ = ["CheckpointError"]
