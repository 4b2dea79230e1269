"""Makes the files that the connectors' tests read, by other programs' hands.

Run it in this folder: python make_files.py. Made with Python 3.11, NumPy 2.4.6 and soundfile 0.14.0 (libsndfile 1.2.2).

* ORDER_TYPE.npy: element i of 20 is 7 i - 60 (mod the type's range; for complex, minus i as imaginary part)
* rows.npy: int32 of shape (5, 3), 0 to 14; columns.npy: the same, columns first
* old.npy: version 2.0 of the format, 0.5 i for 4 items
* ENCODING.wav: two channels of 48 frames at 44100 Hz, f64 as WAVE_FORMAT_EXTENSIBLE, rf64 as RF64; wav_ENCODING.npy: soundfile's reading of it as float32
* savetxt.csv, excel.csv: three columns of 4 rows, n, n / 4 and n n, by numpy.savetxt and by Python's csv module
"""

import csv
import sys

import numpy as np
import soundfile

FILES = "files/"


def npy():
    n = 7 * np.arange(20) - 60
    kinds = ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f4", "f8", "c8", "c16"]
    for kind in kinds:
        for order in "<>":
            values = (n - 1j * np.arange(20) if kind[0] == "c" else n).astype(order + kind)
            name = {"<": "le_", ">": "be_"}[order] + kind
            np.save(f"{FILES}{name}.npy", values)
    rows = np.arange(15, dtype="<i4").reshape(5, 3)
    np.save(FILES + "rows.npy", rows)
    np.save(FILES + "columns.npy", np.asfortranarray(rows))
    with open(FILES + "old.npy", "wb") as file:
        np.lib.format.write_array(file, np.arange(4) / 2, version=(2, 0))


def wav():
    n = np.arange(96, dtype=np.int64)
    wide = ((n * 45_678_901 + 5) % 2**32 - 2**31).astype(np.int32).reshape(48, 2)
    wide[0] = [-(2**31), 2**31 - 1]
    wide[1] = [0, -1]
    for name, subtype in [("u8", "PCM_U8"), ("i16", "PCM_16"), ("i24", "PCM_24"), ("i32", "PCM_32")]:
        soundfile.write(f"{FILES}{name}.wav", wide, 44100, subtype)
    floats = (wide / 2.0**30).astype(np.float32)
    soundfile.write(FILES + "f32.wav", floats, 44100, "FLOAT")
    doubles = wide / 2.0**30 + 1e-9
    soundfile.write(FILES + "f64.wav", doubles, 44100, "DOUBLE", format="WAVEX")
    soundfile.write(FILES + "rf64.wav", wide, 44100, "PCM_16", format="RF64")
    for name in ["u8", "i16", "i24", "i32", "f32", "f64", "rf64"]:
        values, _ = soundfile.read(f"{FILES}{name}.wav", dtype="float32")
        np.save(f"{FILES}wav_{name}.npy", values)


def text():
    n = np.arange(4)
    table = np.stack([n, n / 4, n * n], axis=1)
    np.savetxt(FILES + "savetxt.csv", table, delimiter=",", header="n,quarter,square", comments="")
    with open(FILES + "excel.csv", "w", newline="") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL)
        writer.writerow(["n", "a quarter", 'the "square"'])
        writer.writerows(table.tolist())


if __name__ == "__main__":
    npy()
    wav()
    text()
    print(f"Python {sys.version.split()[0]}, NumPy {np.__version__}, soundfile {soundfile.__version__} ({soundfile.__libsndfile_version__})")
