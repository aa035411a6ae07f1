"""Lists the records of a .mill shard as JSON lines, from docs/FORMAT.md alone."""
import json, struct, sys

def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF

data = open(sys.argv[1], "rb").read()
magic, version, header_length, conversion, part = struct.unpack_from("<8sII16sQ", data)
assert magic == b"\x89MILL\r\n\x1a" and version == 1 and header_length == 64
assert crc32c(data[:60]) == struct.unpack_from("<I", data, 60)[0]
offset, length, footer_crc, tail_crc, end = struct.unpack("<QQII8s", data[-32:])
assert end == b"MILLEND\n" and crc32c(data[-32:-12]) == tail_crc and offset + length + 32 == len(data)
footer = data[offset:offset + length]
assert crc32c(footer) == footer_crc
samples, count = struct.unpack_from("<QI", footer)
columns = {}
for number in range(count):
    name, cell, flags, at, size = struct.unpack_from("<24sBB6xQQ", footer, 16 + 48 * number)
    name, raw = name.rstrip(b"\0").decode(), footer[at:at + size]
    if cell in (1, 2, 3):
        columns[name] = struct.unpack(f"<{samples}{'_BIQ'[cell]}", raw)
    elif cell == 4:
        ends = struct.unpack_from(f"<{samples + 1}Q", raw)
        columns[name] = [raw[8 * (samples + 1):][a:b] for a, b in zip(ends, ends[1:])]
conversion = f"{int.from_bytes(conversion, 'little'):032x}"
print(json.dumps({"conversion": conversion, "part": part, "samples": samples, "footer_crc32c": footer_crc}))
for row in range(samples):
    record = {name: column[row] for name, column in columns.items()}
    payload = data[record["offset"]:record["offset"] + record["length"]]
    assert crc32c(payload) == record["crc32c"]
    record["name"] = record["name"].decode()
    record["target"] = struct.unpack(f"<{len(record['target']) // 4}I", record["target"])
    record |= {name: cell.hex() for name, cell in record.items() if isinstance(cell, bytes)}
    print(json.dumps(record | {"bytes": payload.hex()}))
