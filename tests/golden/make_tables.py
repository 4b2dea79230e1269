"""Makes the tables that the tests of the feature `arrow` read, by pyarrow's hands.

Run it in this folder: python make_tables.py. Made with Python 3.11, pyarrow 26.0.1, pandas 3.1.1, polars 2.1.0 and duckdb 2.0.0.

* pandas.parquet, gzip.parquet, polars.parquet, polars.arrow, duckdb.parquet: 50 rows of `n` (n n), `x` (n / 8), `name` and `kind`
* table.parquet, table.arrow, table.arrows (a stream): 300 rows in groups of 100 of `n` (n n), `x` (n / 4), `name`, `ok`,
  `row` (a list of two), `when` (microseconds), `gaps` (n, null at 7), `odd` (a list of any length)
"""

import sys

import duckdb
import pandas as pd
import polars as pl
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


def others():
    """The same 50 rows by other programs with their defaults: polars packs with zstd, pandas has a category."""
    n = range(50)
    frame = pd.DataFrame(
        {
            "n": [k * k for k in n],
            "x": [k / 8 for k in n],
            "name": [f"row {k} of them" for k in n],
            "kind": pd.Categorical([["low", "high"][k % 2] for k in n]),
        }
    )
    frame.to_parquet(FILES + "pandas.parquet")
    frame.to_parquet(FILES + "gzip.parquet", compression="gzip")
    polars = pl.DataFrame(
        {
            "n": frame["n"].tolist(),
            "x": frame["x"].tolist(),
            "name": frame["name"].tolist(),
            "kind": pl.Series(frame["kind"].tolist(), dtype=pl.Categorical),
        }
    )
    polars.write_parquet(FILES + "polars.parquet")
    polars.write_ipc(FILES + "polars.arrow")
    duckdb.sql(f"COPY (SELECT n, x, name, kind::VARCHAR AS kind FROM frame) TO '{FILES}duckdb.parquet' (FORMAT parquet)")


if __name__ == "__main__":
    others()
    rows = table()
    pyarrow.parquet.write_table(rows, FILES + "table.parquet", row_group_size=100)
    with pa.ipc.new_file(FILES + "table.arrow", rows.schema) as writer:
        writer.write_table(rows, max_chunksize=100)
    with pa.ipc.new_stream(FILES + "table.arrows", rows.schema) as writer:
        writer.write_table(rows, max_chunksize=100)
    print(f"Python {sys.version.split()[0]}, pyarrow {pa.__version__}")
