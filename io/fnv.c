#include "io/fnv.h"

#include <string.h>

static uint64_t add_byte(uint64_t hash, uint64_t byte)
{
    return (hash ^ byte) * UINT64_C(0x100000001b3);
}

uint64_t ls_fnv_word(uint64_t hash, uint64_t word)
{
    for (int shift = 0; shift < 64; shift += 8)
        hash = add_byte(hash, word >> shift & 0xff);
    return hash;
}

uint64_t ls_fnv_number(uint64_t hash, double number)
{
    uint64_t bits;
    memcpy(&bits, &number, sizeof bits);
    return ls_fnv_word(hash, bits);
}

uint64_t ls_fnv_text(uint64_t hash, const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++)
        hash = add_byte(hash, (unsigned char)text[i]);
    return hash;
}
