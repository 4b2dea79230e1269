"""Writes files/rows.png, for worker/connectors/png.rs: a picture byte for byte as `png.write` is to write it.

    python3 -m venv /tmp/venv && /tmp/venv/bin/pip install numpy pillow
    /tmp/venv/bin/python tests/golden/make_png.py

Pillow then reads it, and must find the pixels that went in. Made with NumPy 2.4.6 and Pillow 13.0.0.
"""

import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

stops = [[68, 1, 84], [71, 44, 122], [59, 81, 139], [44, 113, 142], [33, 144, 141], [39, 173, 129], [92, 200, 99]]
stops += [[170, 220, 50], [253, 231, 37]]
place = np.arange(256) / 255 * 8
palette = [np.interp(place, range(9), [stop[c] for stop in stops]) for c in range(3)]
palette = np.floor(np.array(palette).T + 0.5).astype(np.uint8)
pixels = np.clip(np.arange(40 * 70) * 3 % 299 - 20, 0, 255).astype(np.uint8).reshape(40, 70)


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


rows = [b"\0" + row.tobytes() for row in pixels]
file = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 70, 40, 8, 3, 0, 0, 0))
file += chunk(b"PLTE", palette.tobytes()) + chunk(b"IDAT", b"\x78\x01")
for row in rows:
    file += chunk(b"IDAT", b"\0" + struct.pack("<HH", len(row), len(row) ^ 0xFFFF) + row)
file += chunk(b"IDAT", b"\1\0\0\xff\xff" + struct.pack(">I", zlib.adler32(b"".join(rows)))) + chunk(b"IEND", b"")
path = Path(__file__).parent / "files/rows.png"
path.write_bytes(file)
with Image.open(path) as image:
    assert np.array_equal(np.asarray(image), pixels)
    assert np.array_equal(np.asarray(image.convert("RGB")), palette[pixels])
