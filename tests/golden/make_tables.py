"""Makes the tables that the tests of the feature `arrow` read, by pyarrow's hands.

Run it in this folder: python make_tables.py. Made with Python 3.11 and pyarrow 26.0.1.

* table.parquet, table.arrow, table.arrows (a stream): 300 rows in groups of 100 of `n` (n n), `x` (n / 4), `name`, `ok`,
  `row` (a list of two), `when` (microseconds), `gaps` (n, null at 7), `odd` (a list of any length)
"""

import sys

import pyarrow as pa
import pyarrow.parquet

FILES = "files/"


def table():
    n = range(300)
    return pa.table(
        {
            "n": pa.array([k * k for k in n], pa.int64()),
            "x": pa.array([k / 4 for k in n], pa.float32()),
            "name": pa.array([f"row {k}" for k in n]),
            "ok": pa.array([k % 3 == 0 for k in n]),
            "row": pa.array([[k, -k] for k in n], pa.list_(pa.float64(), 2)),
            "when": pa.array([1_000_000 * k for k in n], pa.timestamp("us")),
            "gaps": pa.array([None if k == 7 else float(k) for k in n], pa.float64()),
            "odd": pa.array([[1] * (k % 3) for k in n], pa.list_(pa.int32())),
        }
    )


if __name__ == "__main__":
    rows = table()
    pyarrow.parquet.write_table(rows, FILES + "table.parquet", row_group_size=100)
    with pa.ipc.new_file(FILES + "table.arrow", rows.schema) as writer:
        writer.write_table(rows, max_chunksize=100)
    with pa.ipc.new_stream(FILES + "table.arrows", rows.schema) as writer:
        writer.write_table(rows, max_chunksize=100)
    print(f"Python {sys.version.split()[0]}, pyarrow {pa.__version__}")
