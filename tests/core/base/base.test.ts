import test from "ava";
import fc from "fast-check";
import { ByteReader, ByteWriter } from "../../../core/base/bytes.ts";
import { ERROR_CODES, FormatError, InternalError, unreachable } from "../../../core/base/error.ts";
import { parseHex, printHex } from "../../../core/base/hex.ts";
import { fromHalves, i32, i64, signExtend, u32, u64 } from "../../../core/base/int.ts";
import {
  readSignedLeb128,
  readUnsignedLeb128,
  writeSignedLeb128,
  writeUnsignedLeb128,
} from "../../../core/base/leb128.ts";

const reader = (bytes: ArrayLike<number>, bigEndian = false): ByteReader =>
  new ByteReader(Uint8Array.from(bytes), {
    code: "ElfInvalid",
    where: { file: "a.o", offset: 100 },
    bigEndian,
  });

test("reads what was written, in both byte orders", (t) => {
  for (const bigEndian of [false, true]) {
    fc.assert(
      fc.property(
        fc.nat(0xff),
        fc.nat(0xffff),
        fc.nat(),
        fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
        (a, b, c, d) => {
          const bytes = new ByteWriter({ capacity: 1, bigEndian })
            .u8(a)
            .u16(b)
            .u32(c)
            .u64(d)
            .align(16)
            .bytes();
          const cursor = reader(bytes, bigEndian);
          t.deepEqual([cursor.u8(), cursor.u16(), cursor.u32(), cursor.u64()], [a, b, c, d]);
          t.is(bytes.length, 16);
        },
      ),
      { numRuns: 200 },
    );
  }
  t.deepEqual([...new ByteWriter().u32(0x01020304).bytes()], [4, 3, 2, 1]);
});

test("signed reads, strings, views, seek and patches", (t) => {
  const writer = new ByteWriter().u16(-2).u32(-3).u64(-4n).text("abc").u8(0).u32(0);
  writer.patchU32(18, 7);
  const cursor = reader(writer.bytes());
  t.deepEqual(
    [cursor.i16(), cursor.i32(), cursor.i64(), cursor.cstring(), cursor.u32()],
    [-2, -3, -4n, "abc", 7],
  );
  t.is(cursor.remaining, 0);
  cursor.seek(14);
  t.deepEqual([...cursor.take(3)], [97, 98, 99]);
  t.throws(() => writer.patchU32(20, 0), { instanceOf: RangeError });
});

test("a read beyond the end is the owner's FormatError with the offset in the file", (t) => {
  const attempts: ((cursor: ByteReader) => unknown)[] = [
    (cursor) => cursor.u32(),
    (cursor) => cursor.take(4),
    (cursor) => cursor.skip(-1),
    (cursor) => cursor.cstring(),
    (cursor) => cursor.skip(Number.NaN),
  ];
  for (const attempt of attempts) {
    const cursor = reader([1, 2, 3, 4]);
    cursor.u8();
    const error = t.throws(() => attempt(cursor), { instanceOf: FormatError });
    t.is(error?.code, "ElfInvalid");
    t.is(error?.data.offset, 101);
    t.is(error?.data.file, "a.o");
  }
  t.throws(() => reader([1]).seek(2), { instanceOf: FormatError });
  t.throws(() => reader([0, 0, 0, 0, 0, 0, 0x20, 0]).size64(), { instanceOf: FormatError });
  t.is(reader([1, 0, 0, 0, 1, 0, 0, 0]).size64(), 2 ** 32 + 1);
});

test("hex: parse is the inverse of print", (t) => {
  fc.assert(
    fc.property(fc.uint8Array(), fc.constantFrom("", " ", ":", ", ", "\n"), (bytes, separator) => {
      t.deepEqual(parseHex(printHex(bytes, separator)), Uint8Array.from(bytes));
    }),
    { numRuns: 200 },
  );
  t.deepEqual([...parseHex(" 0x0A 0b,0xff\n")], [10, 11, 255]);
  t.deepEqual([...parseHex("0x0102")], [1, 2]);
});

test("hex: what is not a pair of digits is HexInvalid with its place", (t) => {
  for (const [text, offset] of [
    ["0g", 0],
    ["00 1", 3],
    ["00 zz", 3],
    ["1", 0],
    ["0x", 0],
    ["00 0x", 3],
  ] as const) {
    const error = t.throws(() => parseHex(text), { instanceOf: FormatError });
    t.is(error?.code, "HexInvalid");
    t.is(error?.data.offset, offset, text);
  }
});

test("LEB128 round-trips, and refuses what is too long", (t) => {
  fc.assert(
    fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (value) => {
      const writer = new ByteWriter();
      writeSignedLeb128(writer, value);
      writeUnsignedLeb128(writer, u64(value));
      const cursor = reader(writer.bytes());
      t.deepEqual([readSignedLeb128(cursor), readUnsignedLeb128(cursor)], [value, u64(value)]);
      t.is(cursor.remaining, 0);
    }),
    { numRuns: 300 },
  );
  const examples: [number, number[]][] = [
    [624485, [0xe5, 0x8e, 0x26]],
    [0, [0]],
    [127, [0x7f]],
    [128, [0x80, 1]],
  ];
  for (const [value, bytes] of examples) {
    const writer = new ByteWriter();
    writeUnsignedLeb128(writer, value);
    t.deepEqual([...writer.bytes()], bytes);
  }
  const negative = new ByteWriter();
  writeSignedLeb128(negative, -123456);
  t.deepEqual([...negative.bytes()], [0xc0, 0xbb, 0x78]);
  t.throws(() => readUnsignedLeb128(reader([0x80, 0x80, 0x80, 0x80, 0x80, 1]), 32), {
    instanceOf: FormatError,
  });
});

test("integers wrap and sign-extend", (t) => {
  t.is(u64(-1n), 2n ** 64n - 1n);
  t.is(i64(2n ** 63n), -(2n ** 63n));
  t.is(u32(-1), 2 ** 32 - 1);
  t.is(i32(2 ** 31), -(2 ** 31));
  t.is(signExtend(0x80n, 8), 0xffff_ffff_ffff_ff80n);
  t.is(signExtend(0x17fn, 8), 0x7fn);
  t.is(fromHalves(-1, 1), 0x1_ffff_ffffn);
});

test("errors carry category and remedy of their code", (t) => {
  const error = new FormatError("HexInvalid", "text", { file: "x" });
  t.is(error.category, ERROR_CODES.HexInvalid.category);
  t.is(error.remedy, ERROR_CODES.HexInvalid.remedy);
  const bug = t.throws(() => unreachable({ kind: "other" } as unknown as never), {
    instanceOf: InternalError,
  });
  t.is(bug?.code, "InternalError");
  for (const [code, row] of Object.entries(ERROR_CODES)) {
    t.regex(code, /^[A-Z][A-Za-z]+$/);
    t.regex(row.remedy, /^[A-Z].*\.$/);
  }
});
