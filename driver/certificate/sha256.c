#include "certificate/sha256.h"

static const UINT32 Constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static UINT32
RotateRight(UINT32 Value, UINT32 Bits)
{
    return Value >> Bits | Value << (32 - Bits);
}

static VOID
Compress(SHA256 *Hash)
{
    UINT32 Words[64], S[8];
    for (UINT32 At = 0; At < 16; At++) {
        const UINT8 *Bytes = &Hash->Block[4 * At];
        Words[At] = (UINT32)Bytes[0] << 24 | (UINT32)Bytes[1] << 16 | (UINT32)Bytes[2] << 8 | Bytes[3];
    }
    for (UINT32 At = 16; At < 64; At++) {
        UINT32 A = Words[At - 15], B = Words[At - 2];
        UINT32 Low = RotateRight(A, 7) ^ RotateRight(A, 18) ^ A >> 3;
        UINT32 High = RotateRight(B, 17) ^ RotateRight(B, 19) ^ B >> 10;
        Words[At] = Words[At - 16] + Low + Words[At - 7] + High;
    }
    memcpy(S, Hash->State, sizeof(S));
    for (UINT32 At = 0; At < 64; At++) {
        UINT32 Sum1 = RotateRight(S[4], 6) ^ RotateRight(S[4], 11) ^ RotateRight(S[4], 25);
        UINT32 Choice = (S[4] & S[5]) ^ (~S[4] & S[6]);
        UINT32 First = S[7] + Sum1 + Choice + Constants[At] + Words[At];
        UINT32 Sum0 = RotateRight(S[0], 2) ^ RotateRight(S[0], 13) ^ RotateRight(S[0], 22);
        UINT32 Second = Sum0 + ((S[0] & S[1]) ^ (S[0] & S[2]) ^ (S[1] & S[2]));
        memmove(&S[1], &S[0], 7 * sizeof(S[0]));
        S[4] += First;
        S[0] = First + Second;
    }
    for (UINT32 At = 0; At < 8; At++)
        Hash->State[At] += S[At];
}

VOID
Sha256Initiate(SHA256 *Hash)
{
    static const UINT32 First[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                    0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    memcpy(Hash->State, First, sizeof(First));
    Hash->SizeBytes = 0;
}

VOID
Sha256Update(SHA256 *Hash, const VOID *Data, SIZE_T SizeBytes)
{
    for (const UINT8 *Bytes = Data; SizeBytes > 0;) {
        SIZE_T Used = Hash->SizeBytes % sizeof(Hash->Block), Count = sizeof(Hash->Block) - Used;
        if (Count > SizeBytes)
            Count = SizeBytes;
        memcpy(&Hash->Block[Used], Bytes, Count);
        Hash->SizeBytes += Count;
        Bytes += Count;
        SizeBytes -= Count;
        if (Hash->SizeBytes % sizeof(Hash->Block) == 0)
            Compress(Hash);
    }
}

VOID
Sha256Finish(SHA256 *Hash, UINT8 *Digest)
{
    static const UINT8 Padding[64] = {0x80};
    UINT8 Length[8];
    for (UINT32 At = 0; At < 8; At++)
        Length[At] = (UINT8)(Hash->SizeBytes * 8 >> (56 - 8 * At));
    Sha256Update(Hash, Padding, 1 + (119 - Hash->SizeBytes % 64) % 64);
    Sha256Update(Hash, Length, sizeof(Length));
    for (UINT32 At = 0; At < SHA256_BYTES; At++)
        Digest[At] = (UINT8)(Hash->State[At / 4] >> (24 - 8 * (At % 4)));
}
