// Six programs that engines are measured with: r1 is memory of 8 KiB, r2 its length. Each is a section of its own. Compiled when
// it is measured: clang -target bpf -mcpu=v3 -O2.
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

#define PROGRAM(name) __attribute__((section("run/" #name), used)) u64 name(u8 *memory, u64 length)

static __attribute__((always_inline)) u64 xorshift(u64 value, u32 rounds)
{
    for (u32 round = 0; round < rounds; round++) {
        value ^= value << 13;
        value ^= value >> 7;
        value ^= value << 17;
    }
    return value;
}

/** Arithmetic on one number. */
PROGRAM(alu) { return xorshift(*(u64 *)memory | 1, 50000); }

/** The same for longer than the Linux kernel verifies. */
PROGRAM(alu_long) { return xorshift(*(u64 *)memory | 1, 1000000); }

/** The Internet checksum of 4 KiB. */
PROGRAM(checksum)
{
    u64 sum = 0;
    for (u32 index = 0; index < 1024; index++)
        sum += ((u32 *)memory)[index];
    sum = (sum >> 32) + (sum & 0xffffffff);
    sum = (sum >> 16) + (sum & 0xffff);
    sum = (sum >> 16) + (sum & 0xffff);
    return ~(sum + (sum >> 16)) & 0xffff;
}

/** Ethernet, IPv4 and UDP headers of a frame of 64 bytes, and a decision. */
PROGRAM(parse)
{
    u8 *end = memory + length;
    if (memory + 14 > end || *(u16 *)(memory + 12) != 0x0008)
        return 1;
    u8 *ip = memory + 14;
    if (ip + 20 > end || (ip[0] >> 4) != 4 || (ip[0] & 15) < 5)
        return 2;
    if (ip[9] != 17 || (*(u16 *)(ip + 6) & 0xff3f) != 0)
        return 3;
    u8 *udp = ip + (ip[0] & 15) * 4;
    if (udp + 8 > end)
        return 4;
    u16 port = __builtin_bswap16(*(u16 *)(udp + 2));
    u16 size = __builtin_bswap16(*(u16 *)(udp + 4));
    u64 mixed = (u64)*(u32 *)(ip + 12) * 2654435761u ^ *(u32 *)(ip + 16);
    if (port == 53 && size <= 8)
        return 5;
    return 6 + ((mixed >> 13) & 7);
}

/** Primes below 4096, in the second half of the memory. */
PROGRAM(sieve)
{
    u8 *composite = memory + 4096;
    u64 count = 0;
    for (u32 index = 0; index < 4096; index += 8)
        *(u64 *)(composite + index) = 0;
    for (u32 number = 2; number < 4096; number++) {
        if (composite[number] != 0)
            continue;
        count++;
        for (u32 multiple = number * 2; multiple < 4096; multiple += number)
            composite[multiple] = 1;
    }
    return count;
}

/** Bytes of 2 KiB put in the other order, then copied. */
PROGRAM(copy)
{
    u64 *words = (u64 *)memory;
    u64 *to = (u64 *)(memory + 4096);
    u64 mixed = 0;
#pragma unroll 8
    for (u32 index = 0; index < 256; index++)
        to[index] = __builtin_bswap64(words[index]);
#pragma unroll 8
    for (u32 index = 0; index < 128; index++)
        to[256 + index] = to[index];
    for (u32 index = 0; index < 16; index++)
        mixed += __builtin_bswap32(((u32 *)to)[index]) ^ __builtin_bswap16(((u16 *)to)[index]);
    return mixed;
}
