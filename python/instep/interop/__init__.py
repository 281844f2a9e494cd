"""Where instep meets other libraries; each needs its library, and `import instep` imports none.

:mod:`instep.interop.scipy`
    Optimizers as methods of ``scipy.optimize.minimize``.
:mod:`instep.interop.torch`
    ``torch.optim``'s classes that step with instep's kernels, and state dictionaries both ways.
"""
