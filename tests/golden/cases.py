"""What the scripts of this folder have in common: a case is a line of a golden file, `what parameters : numbers`."""

import numpy as np


def spelled(value):
    """A parameter as a graph file has it."""
    if isinstance(value, (list, tuple, np.ndarray)):
        return "[" + ",".join(repr(float(v)) for v in np.ravel(value)) + "]"
    return str(value).lower() if isinstance(value, bool) else str(value)


def line(what, numbers, params, digits="%r"):
    """The line of a case. A complex number is two."""
    numbers = np.ascontiguousarray(numbers)
    if np.iscomplexobj(numbers):
        numbers = numbers.astype(complex).view(float)
    words = " ".join(f"{name}={spelled(value)}" for name, value in params.items())
    return f"{what} {words} : " + " ".join(digits % float(v) for v in np.ravel(numbers))
