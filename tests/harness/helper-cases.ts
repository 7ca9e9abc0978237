// What helpers answer, asked by programs: for every engine of every host. Programs are for Windows' xdp, with a packet of 32
// bytes 1, 2, 3 ... and a hash map "m" with keys of 4 bytes, values of 8 and 4 entries.

const PACKET = `
  r6 = *(u64 *)(r1 + 0)
  r7 = *(u64 *)(r1 + 8)
  r1 = r6
  r1 += 32
  if r1 > r7 goto out
`;
const OUT = `
  out:
  r0 = 0
  exit
`;

export interface HelperCase {
  readonly name: string;
  readonly text: string;
  readonly expected: (r0: bigint) => boolean;
}

const near = (now: () => bigint, within: bigint) => (r0: bigint) => {
  const difference = now() - r0;
  return difference >= 0n && difference < within;
};
const is = (value: bigint) => (r0: bigint) => r0 === BigInt.asUintN(64, value);

/** Each sets r0; "packet:" cases have r6 at 32 bytes of packet 1, 2, 3 ... */
export const HELPER_CASES: readonly HelperCase[] = [
  {
    name: "ktime_get_ns",
    text: "call ktime_get_ns\nexit",
    expected: near(() => process.hrtime.bigint(), 5_000_000_000n),
  },
  {
    name: "ktime_get_ms",
    text: "call ktime_get_ms\nexit",
    expected: near(() => process.hrtime.bigint() / 1_000_000n, 5_000n),
  },
  {
    name: "ktime_get_boot_ns is not before ktime_get_ns",
    text: "call ktime_get_ns\nr6 = r0\ncall ktime_get_boot_ns\nr0 -= r6\nr0 += 1000000000\nr0 s>>= 63\nexit",
    expected: is(0n),
  },
  { name: "get_prandom_u32 has 32 bits", text: "call get_prandom_u32\nr0 >>= 32\nexit", expected: is(0n) },
  {
    name: "get_current_pid_tgid",
    text: "call get_current_pid_tgid\nr0 >>= 32\nexit",
    expected: is(BigInt(process.pid)),
  },
  {
    name: "csum_diff is the ones' complement difference, folded",
    // 0201 + 0403 + fffe - 0605 - 0807 as 16-bit words, in memory order
    text: `${PACKET}r1 = r6\nr1 += 4\nr2 = 4\nr3 = r6\nr4 = 4\nr5 = 65534\ncall csum_diff\nexit\n${OUT}`,
    expected: is(0xffffn - 0x0605n + (0xffffn - 0x0807n) + 0x0201n + 0x0403n + 0xfffen - 2n * 0xffffn),
  },
  {
    name: "csum_diff refuses a length that is no multiple of 4",
    text: `${PACKET}r1 = r6\nr2 = 3\nr3 = r6\nr4 = 4\nr5 = 0\ncall csum_diff\nexit\n${OUT}`,
    expected: is(-22n),
  },
  {
    name: "memcpy_s copies",
    text: `${PACKET}*(u64 *)(r10 - 8) = -1\nr1 = r10\nr1 += -8\nr2 = 8\nr3 = r6\nr4 = 8\ncall memcpy_s\nr1 = *(u64 *)(r10 - 8)\nr0 += r1\nexit\n${OUT}`,
    expected: is(0x0807060504030201n),
  },
  {
    name: "memcpy_s refuses what is too long, and clears the destination",
    text: `${PACKET}*(u64 *)(r10 - 8) = -1\nr1 = r10\nr1 += -8\nr2 = 8\nr3 = r6\nr4 = 9\ncall memcpy_s\nr1 = *(u64 *)(r10 - 8)\nr0 += r1\nexit\n${OUT}`,
    expected: is(34n),
  },
  {
    name: "memmove_s may overlap",
    text: `${PACKET}r1 = r6\nr1 += 1\nr2 = 8\nr3 = r6\nr4 = 8\ncall memmove_s\nr1 = *(u64 *)(r6 + 1)\nr0 += r1\nexit\n${OUT}`,
    expected: is(0x0807060504030201n),
  },
  {
    name: "memset sets",
    text: "r1 = r10\nr1 += -8\nr2 = 8\nr3 = 171\ncall memset\nr0 = *(u64 *)(r10 - 8)\nexit",
    expected: is(0xababababababababn),
  },
  {
    name: "memcmp_s tells what is greater",
    text: `${PACKET}r1 = r6\nr1 += 1\nr2 = 4\nr3 = r6\nr4 = 4\ncall memcmp_s\nexit\n${OUT}`,
    expected: is(1n),
  },
  {
    name: "memcmp_s tells what is less, with its sign",
    text: `${PACKET}r1 = r6\nr2 = 4\nr3 = r6\nr3 += 2\nr4 = 4\ncall memcmp_s\nexit\n${OUT}`,
    expected: is(-2n),
  },
  {
    name: "strnlen_s stops at the zero",
    text: "r1 = 0x0000444342410000 ll\nr1 >>= 16\n*(u64 *)(r10 - 8) = r1\nr1 = r10\nr1 += -8\nr2 = 8\ncall strnlen_s\nexit",
    expected: is(4n),
  },
  {
    name: "strncpy_s and strncat_s join, and refuse what does not fit",
    text: `
      r1 = 0x434241
      *(u64 *)(r10 - 8) = r1
      *(u64 *)(r10 - 16) = r1
      r1 = r10
      r1 += -16
      r2 = 8
      r3 = r10
      r3 += -8
      r4 = 8
      call strncpy_s
      r6 = r0
      r1 = r10
      r1 += -16
      r2 = 8
      r3 = r10
      r3 += -8
      r4 = 8
      call strncat_s
      r6 += r0
      r7 = *(u64 *)(r10 - 16)
      r1 = r10
      r1 += -16
      r2 = 8
      r3 = r10
      r3 += -8
      r4 = 8
      call strncat_s
      r6 += r0
      r6 <<= 56
      r0 = r7
      r0 += r6
      exit`,
    expected: is((34n << 56n) + 0x434241434241n),
  },
  {
    name: "map helpers: update, look up, existing key, delete, look up",
    text: `
      r1 = 5
      *(u32 *)(r10 - 4) = r1
      r1 = 77
      *(u64 *)(r10 - 16) = r1
      r1 = map[m]
      r2 = r10
      r2 += -4
      r3 = r10
      r3 += -16
      r4 = 1
      call map_update_elem
      r6 = r0
      r1 = map[m]
      r2 = r10
      r2 += -4
      r3 = r10
      r3 += -16
      r4 = 1
      call map_update_elem
      r6 += r0
      r1 = map[m]
      r2 = r10
      r2 += -4
      call map_lookup_elem
      if r0 == 0 goto bad
      r7 = *(u64 *)(r0 + 0)
      r6 += r7
      r1 = map[m]
      r2 = r10
      r2 += -4
      call map_delete_elem
      r6 += r0
      r1 = map[m]
      r2 = r10
      r2 += -4
      call map_lookup_elem
      if r0 != 0 goto bad
      r0 = r6
      exit
      bad:
      r0 = 0
      exit`,
    expected: is(77n - 17n),
  },
];
