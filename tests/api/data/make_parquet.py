"""Writes orders.parquet, by another program than the one that reads it: `pip install pyarrow`, then run this here."""

import datetime
import decimal
import pathlib

import pyarrow
import pyarrow.parquet

ROWS = 500

UTC = datetime.timezone.utc

table = pyarrow.table({
    "id": pyarrow.array(range(ROWS), pyarrow.int64()),
    "name": pyarrow.array([None if n % 7 == 0 else f"näme {n}" for n in range(ROWS)]),
    "price": pyarrow.array([decimal.Decimal(n) / 100 for n in range(ROWS)], pyarrow.decimal128(20, 2)),
    "ordered": pyarrow.array(
        [datetime.datetime(2026, 1, 1, tzinfo=UTC) + datetime.timedelta(minutes=n) for n in range(ROWS)],
        pyarrow.timestamp("ms", "UTC")),
    "day": pyarrow.array([datetime.date(2026, 1, 1) + datetime.timedelta(days=n) for n in range(ROWS)]),
    "tags": pyarrow.array([["a"] * (n % 3) for n in range(ROWS)]),
    "sizes": pyarrow.array([{"w": n, "h": 0.5} for n in range(ROWS)]),
})
pyarrow.parquet.write_table(
    table, pathlib.Path(__file__).with_name("orders.parquet"), row_group_size=150, compression="zstd")
