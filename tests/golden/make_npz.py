"""Makes the archives that the tests of NPZ read, by NumPy's hands.

Run it in this folder: python make_npz.py. Made with Python 3.11 and NumPy 2.4.6.

* plain.npz, packed.npz: `ramp`, n / 8 for 3000 items, and `rows`, int32 of shape (5, 3), 0 to 14; the second is
  compressed
"""

import sys

import numpy as np

FILES = "files/"

if __name__ == "__main__":
    arrays = {"ramp": np.arange(3000) / 8, "rows": np.arange(15, dtype="<i4").reshape(5, 3)}
    np.savez(FILES + "plain.npz", **arrays)
    np.savez_compressed(FILES + "packed.npz", **arrays)
    print(f"Python {sys.version.split()[0]}, NumPy {np.__version__}")
