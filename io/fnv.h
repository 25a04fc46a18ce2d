#ifndef LS_IO_FNV_H
#define LS_IO_FNV_H

#include <stddef.h>
#include <stdint.h>

/* FNV-1a, 64 bits (Fowler, Noll, Vo): what a file's digest starts with, and the digest after eight more bytes, those of
 * `word` from the lowest, or of the bits of a number. */
#define LS_FNV_START UINT64_C(0xcbf29ce484222325)

uint64_t ls_fnv_word(uint64_t hash, uint64_t word);
uint64_t ls_fnv_number(uint64_t hash, double number);
uint64_t ls_fnv_text(uint64_t hash, const char *text, size_t n);

#endif
