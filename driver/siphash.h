// SipHash-1-3 (Aumasson and Bernstein): keys of maps come from packets, so who sends them must not be able to choose
// where they fall.
#pragma once

#include "platform.h"

typedef struct _SIPHASH_KEY {
    UINT64 Low;
    UINT64 High;
} SIPHASH_KEY;

static inline UINT64
SipRotate(UINT64 Value, UINT32 Count)
{
    return (Value << Count) | (Value >> (64 - Count));
}

static inline VOID
SipRound(UINT64 V[4])
{
    V[0] += V[1];
    V[2] += V[3];
    V[1] = SipRotate(V[1], 13) ^ V[0];
    V[3] = SipRotate(V[3], 16) ^ V[2];
    V[0] = SipRotate(V[0], 32);
    V[2] += V[1];
    V[0] += V[3];
    V[1] = SipRotate(V[1], 17) ^ V[2];
    V[3] = SipRotate(V[3], 21) ^ V[0];
    V[2] = SipRotate(V[2], 32);
}

static inline VOID
SipAbsorb(UINT64 V[4], UINT64 Word)
{
    V[3] ^= Word;
    SipRound(V);
    V[0] ^= Word;
}

static inline UINT64
SipHash(_In_ SIPHASH_KEY Key, _In_reads_bytes_(SizeBytes) const UINT8 *Data, _In_ UINT32 SizeBytes)
{
    UINT64 V[4] = {
        Key.Low ^ 0x736f6d6570736575, Key.High ^ 0x646f72616e646f6d, Key.Low ^ 0x6c7967656e657261,
        Key.High ^ 0x7465646279746573};
    UINT64 Word;
    UINT32 At = 0;
    for (; At + 8 <= SizeBytes; At += 8) {
        memcpy(&Word, Data + At, 8);
        SipAbsorb(V, Word);
    }
    Word = (UINT64)SizeBytes << 56;
    for (UINT32 Shift = 0; At < SizeBytes; At++, Shift += 8)
        Word |= (UINT64)Data[At] << Shift;
    SipAbsorb(V, Word);
    V[2] ^= 0xff;
    SipRound(V);
    SipRound(V);
    SipRound(V);
    return V[0] ^ V[1] ^ V[2] ^ V[3];
}
