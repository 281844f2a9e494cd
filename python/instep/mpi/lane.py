"""A communicator for gradients, which are on their way while other calls are made."""

from __future__ import annotations

from typing import Any, ClassVar

from instep.mpi.library import MPI


class Lane:
    """A duplicate of a communicator, one for all optimizers of it.

    The calls of a communicator are to come in the same order on every process. Gradients are sent
    as soon as they are there, which is before the one process's next call and after the other's.
    """

    _key: ClassVar[int] = MPI.KEYVAL_INVALID

    def __init__(self, comm: Any) -> None:
        self.comm: Any = comm.Dup()
        self._user: object = None  # who has sent gradients that are still to be received

    @classmethod
    def beside(cls, comm: Any) -> Lane:
        """Return that of a communicator; the first call is one of all its processes."""
        # An attribute of MPI's, as different objects of Python may be the same communicator.
        if cls._key == MPI.KEYVAL_INVALID:
            cls._key = MPI.Comm.Create_keyval()
        lane = comm.Get_attr(cls._key)
        if lane is None:
            lane = cls(comm)
            comm.Set_attr(cls._key, lane)
        assert isinstance(lane, cls)
        return lane

    def check_free(self, user: object) -> None:
        """Raise RuntimeError where another optimizer's gradients are on their way."""
        if self._user not in (None, user):
            raise RuntimeError(
                "another optimizer on this communicator has reduced gradients that it has not "
                "stepped: call its step() first, or give each a communicator, comm.Dup()"
            )

    def enter(self, user: object) -> None:
        """Keep others away; it is free."""
        self._user = user

    def leave(self, user: object) -> None:
        """Let others in."""
        if self._user is user:
            self._user = None
