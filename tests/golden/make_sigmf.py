"""Makes the recordings that the tests of SigMF read, by the sigmf package's hands.

Run it in this folder: python make_sigmf.py. Made with Python 3.11, NumPy 2.4.6 and sigmf 1.14.0 (SigMF 1.2.6).

* NAME.sigmf-meta, NAME.sigmf-data: 20 samples of type NAME at 2.4 MHz; ci16 has two captures, the second from
  sample 10, and two annotations
* ci16.sigmf, rf64.sigmf: the same as archives
* sigmf_NAME.npy: the sigmf package's reading of them
"""

import sys

import numpy as np
import sigmf

FILES = "files/"


def samples(name):
    n = np.arange(40)
    if name == "cu8":
        return (n * 7 % 256).astype(np.uint8)
    wide = (n * 1657 % 65536 - 32768).astype(np.int64)
    wide[:4] = [-32768, 32767, 0, -1]
    kinds = {"ci16": "<i2", "ri16_be": ">i2", "cf32": "<f4", "rf64": "<f8"}
    values = wide if "i16" in name else wide / 7.0
    return values.astype(kinds[name])


def recording(name):
    samples(name).tofile(f"{FILES}{name}.sigmf-data")
    datatype = {"ci16": "ci16_le", "cf32": "cf32_le", "rf64": "rf64_le"}.get(name, name)
    meta = sigmf.SigMFFile(
        data_file=f"{FILES}{name}.sigmf-data",
        global_info={"core:datatype": datatype, "core:sample_rate": 2.4e6},
    )
    meta.add_capture(0, metadata={"core:frequency": 100.0e6})
    if name == "ci16":
        meta.add_capture(10, metadata={"core:frequency": 101})
        meta.add_annotation(3, 4, metadata={"core:label": "burst"})
        meta.add_annotation(17, 3, metadata={"core:label": "tail"})
    meta.tofile(f"{FILES}{name}.sigmf-meta", overwrite=True)
    read = sigmf.fromfile(f"{FILES}{name}.sigmf-meta").read_samples()
    if name in ("ci16", "rf64"):
        sigmf.fromfile(f"{FILES}{name}.sigmf-meta").archive(f"{FILES}{name}.sigmf", overwrite=True)
    np.save(f"{FILES}sigmf_{name}.npy", np.ascontiguousarray(read).astype(read.dtype.newbyteorder("<")))


if __name__ == "__main__":
    for name in ["ci16", "cu8", "cf32", "ri16_be", "rf64"]:
        recording(name)
    print(f"Python {sys.version.split()[0]}, NumPy {np.__version__}, sigmf {sigmf.__version__} ({sigmf.__specification__})")
