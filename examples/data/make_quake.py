"""Makes quake.csv of the accelerogram CICLC.v1 that the Python package gmprocess 2.8.0 ships.

    pip install gmprocess==2.8.0 --no-deps
    python make_quake.py .../site-packages/gmprocess/data/demo/ci38457511/raw/CICLC.v1 > quake.csv

The file has three channels after one another, each a header and then points in units of g, eight in a line, 9 characters
each. All start at the same moment; the rows are cut to the shortest.
"""

import re
import sys

POINTS = re.compile(r"\s*(\d+) Accelerogram points at 100 pts/sec in units of g\.\s+Format: \(8f9\.6\)")
DIRECTION = re.compile(r"Chan\s+\d: +(90 Deg|360 Deg|Up)")
COLUMN = {"90 Deg": "e", "360 Deg": "n", "Up": "z"}


def channels(lines):
    """The channels by column, in thousandths of g with three decimals: the file's six, exactly."""
    found, column, at = {}, None, 0
    while at < len(lines):
        direction, points = DIRECTION.match(lines[at]), POINTS.match(lines[at])
        at += 1
        if direction:
            column = COLUMN[direction[1]]
        if points:
            count = int(points[1])
            rows = lines[at : at + -(-count // 8)]
            cells = [row[k : k + 9] for row in rows for k in range(0, len(row.rstrip()), 9)]
            assert len(cells) == count, (column, len(cells), count)
            found[column] = [f"{round(float(cell) * 1e6) / 1e3:.3f}" for cell in cells]
            at += len(rows)
    return found


def main():
    with open(sys.argv[1], encoding="ascii") as file:
        found = channels(file.read().splitlines())
    print("e,n,z")
    for row in zip(found["e"], found["n"], found["z"], strict=False):  # cut to the shortest
        print(",".join(row))


if __name__ == "__main__":
    main()
