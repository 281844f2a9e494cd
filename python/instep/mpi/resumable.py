"""An optimizer that goes on elsewhere, on as many processes or on others."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from instep.gradient_options import GradientOptions
from instep.mpi.agreement import Facts, agree
from instep.mpi.channel import Channel
from instep.mpi.checkpoint.save_and_load import Sharing, Target, load, save, target_of
from instep.mpi.facts import option_facts
from instep.mpi.stepping import Stepping
from instep.optimizer import Optimizer


class ResumableSharded:
    """State dictionaries of shares, and checkpoints of the whole."""

    _channel: Channel
    _gradient_options: GradientOptions
    _inner: Optimizer
    _sharing: Sharing
    _stepping: Stepping

    def state_dict(self) -> dict[str, Any]:
        """Return what `Optimizer.state_dict` does, of this process's share.

        Returns
        -------
        dict
            With the states of the elements that `plan` names, for as many processes.
        """
        return self._inner.state_dict()

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over the states, counts and hyperparameters of this process's share.

        Every process is to load its own; the next step tells where they do not belong together.

        Parameters
        ----------
        state_dict : mapping
            What `state_dict` returned, of the same share.

        Raises
        ------
        TypeError, ValueError, KeyError
            When it does not fit; the optimizer then stays as it was.
        """
        self._inner.load_state_dict(state_dict)

    def save(self, path: str | os.PathLike[str], *, params: bool = False) -> None:
        """Write a checkpoint, from which any number of processes goes on bit for bit.

        All processes call it alike. It holds what `Optimizer.save` writes, and is replaced as a
        whole, whatever happens, or not at all.

        Parameters
        ----------
        path : str or os.PathLike
            Where a name ends in ``.npz``, that of one file, the same whatever the number of
            processes: an optimizer of one process writes and loads it, too. Process 0 writes it, in
            pieces of `bucket_bytes` that the others send. Else, that of a folder, which is made
            where there is none in one that exists: each process writes a file ``.safetensors`` of
            its share there, so that all are to see the same file system, and process 0 an index.
            One run at a time writes to a folder.
        params : bool
            Write the parameters as well.

        Raises
        ------
        OSError
            When a process cannot write; on every process the same, which names it. What was there
            stays, nothing is left of the new files, and the optimizer can go on. Only where the
            last thing fails, to flush the folder, is the checkpoint the new one all the same.
        ValueError
            When one process refuses the call, such as for a name that ends in something else, or
            anything differs between them.
        TimeoutError, RuntimeError
            As `step` does. That others wait for a disk counts, for each piece, and for all to be
            flushed.

        Examples
        --------
        >>> import pathlib, tempfile
        >>> import numpy as np, instep, instep.mpi
        >>> from mpi4py import MPI
        >>> w = np.zeros(3)
        >>> optimizer = instep.mpi.Sharded(instep.Adam, w, comm=MPI.COMM_SELF, lr=0.5)
        >>> optimizer.step(np.ones(3))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder, "run.npz")
        ...     optimizer.save(path, params=True)
        ...     one = instep.Adam(np.zeros(3))
        ...     one.load(path, params=True)
        >>> one.param_groups[0]["params"][0].round(6)
        array([-0.5, -0.5, -0.5])
        """
        self._channel.check_usable()
        inner = self._inner
        facts = {
            "options": option_facts(inner.param_groups, self._gradient_options),
            "counts": self._stepping.counts(),
        }
        target = self._agree_on("save", path, params, facts)
        save(self._sharing, target, self._stepping.skipped_steps, params=params)

    def load(self, path: str | os.PathLike[str], *, params: bool = False) -> None:
        """Take over a checkpoint that `save` has written, on as many processes or on others.

        All processes call it alike. A checkpoint of `Optimizer.save` loads as well. As there, all
        that is needed is read and checked, by checksums too, before anything changes.

        Parameters
        ----------
        path : str or os.PathLike
            Name of a file that ends in ``.npz`` or ``.safetensors``, which process 0 alone needs to
            see, or of a folder, which all do.
        params : bool
            Load the parameters as well, on every process.

        Raises
        ------
        CheckpointError, OSError
            As `Optimizer.load` does, when it is refused or cannot be read on any process: on every
            process the same. Optimizer and parameters then stay as they were.
        ValueError
            When one process refuses the call, or anything differs between them.
        TimeoutError, RuntimeError
            As `step` does.

        Notes
        -----
        Takes the memory of this process's share once more: of the states, and of the parameters
        where they are asked for.

        Examples
        --------
        >>> import pathlib, tempfile
        >>> import numpy as np, instep, instep.mpi
        >>> from mpi4py import MPI
        >>> optimizer = instep.mpi.Sharded(instep.Adam, np.zeros(3), comm=MPI.COMM_SELF)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder, "run.npz")
        ...     instep.Adam(np.zeros(3), lr=0.25).save(path)
        ...     optimizer.load(path)
        >>> optimizer.lr
        0.25
        """
        self._channel.check_usable()
        target = self._agree_on("load", path, params, {})
        loaded = load(self._sharing, target, params=params)
        with self._channel.all_of_it():
            self._inner._replace(*loaded.replacement)
            if params:
                self._stepping.exchange.gather_params(range(len(self._sharing.params)))
        self._stepping.skipped_steps = loaded.skipped_steps

    def _agree_on(
        self,
        call: str,
        path: str | os.PathLike[str],
        params: bool,
        facts: Mapping[str, Facts],
    ) -> Target:
        refused: Exception | None = None
        asked: Facts = {}
        try:
            target = target_of(path, to_save=call == "save")
            if not isinstance(params, bool):
                raise TypeError(f"params: expected True or False, got {params!r}")
            asked = {"path": os.fspath(path), "params": params}
        except Exception as error:
            refused = error
        agree(self._channel, call, refused, {**facts, "structure": asked})
        return target
