#ifndef LS_IO_SHA256_H
#define LS_IO_SHA256_H

#include <stddef.h>
#include <stdint.h>

/* SHA-256 (FIPS 180-4). */
struct ls_sha256 {
    uint32_t state[8];
    uint64_t n_bytes;
    unsigned char block[64];
};

void ls_sha256_init(struct ls_sha256 *hash);
void ls_sha256_update(struct ls_sha256 *hash, const void *bytes, size_t n);

/* Finish into 64 hex digits and a null; the hash must be initialised again before further use. */
void ls_sha256_finish(struct ls_sha256 *hash, char hex[65]);

/* All three at once. */
void ls_sha256_hex(const void *bytes, size_t n, char hex[65]);

#endif
