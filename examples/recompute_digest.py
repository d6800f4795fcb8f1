"""Recompute Cognify's digests with stock libraries only: `python recompute_digest.py rows|tree|weights PATH`."""

import json
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

import cbor2
import pyarrow as pa
import rfc8785
from pyarrow import parquet, types


def kind(t: Any) -> Any:
    if t.num_fields:
        return {"list": kind(t.value_type)} if types.is_list(t) else {"struct": {f.name: kind(f.type) for f in t}}
    number = "int" if types.is_integer(t) else "float" if types.is_floating(t) else str(t)
    return {"string": "text", "binary": "bytes"}.get(number, number)


def cbor(value: Any, t: Any) -> bytes:
    if value is None or not t.num_fields:
        return cbor2.dumps(value, canonical=True)
    if types.is_struct(t):
        pairs = sorted((cbor2.dumps(f.name), cbor(value[f.name], f.type)) for f in t)
        return bytes([0xA0 + len(pairs)]) + b"".join(key + each for key, each in pairs)
    if None not in value and kind(t.value_type) in ("int", "float"):
        size, form = t.value_type.bit_width // 8, {"i": 8, "u": 0}.get(str(t.value_type)[0], 15)
        bits = bytes(pa.array(value, t.value_type).buffers()[1] or b"")[: size * len(value)]
        return cbor2.dumps(cbor2.CBORTag(63 + size.bit_length() + 4 * (size > 1) + form, bits))  # RFC 8746 §2.1
    count = cbor2.dumps(len(value))
    return bytes([count[0] | 0x80]) + count[1:] + b"".join(cbor(each, t.value_type) for each in value)


def root(leaves: list[bytes]) -> bytes:
    if len(leaves) < 2:
        return leaves[0] if leaves else sha256(b"").digest()
    half = 1 << (len(leaves) - 1).bit_length() - 1
    return sha256(b"\1" + root(leaves[:half]) + root(leaves[half:])).digest()


what, path = sys.argv[1], Path(sys.argv[2])
if what == "tree":
    files = sorted((str(each.relative_to(path)), each) for each in path.rglob("*") if each.is_file())
    lines = [f"{sha256(each.read_bytes()).hexdigest()}  {name}\n" for name, each in files]
    made = "".join(["# cognify.tree/v1\n", *lines]).encode()
elif what == "weights":  # one .safetensors file
    size, raw = int.from_bytes(path.read_bytes()[:8], "little"), path.read_bytes()[8:]
    head = sorted((name, t) for name, t in json.loads(raw[:size]).items() if name != "__metadata__")
    hexes = [sha256(raw[size:][slice(*t["data_offsets"])]).hexdigest() for _, t in head]
    tensors = [[name, t["dtype"], t["shape"], hex_] for (name, t), hex_ in zip(head, hexes, strict=True)]
    made = rfc8785.dumps({"format": "cognify.weights/v1", "names": "file", "tensors": tensors})
else:
    table = parquet.read_table(path) if path.suffix == ".parquet" else pa.ipc.open_file(path).read_all()
    leaves = [sha256(b"\0" + cbor(row, pa.struct(table.schema))).digest() for row in table.to_pylist()]
    columns, top = {f.name: kind(f.type) for f in table.schema}, root(leaves).hex()
    made = rfc8785.dumps({"format": "cognify.rows/v1", "columns": columns, "rows": len(leaves), "root": top})
print("sha256:" + sha256(made).hexdigest())
