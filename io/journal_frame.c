#include "io/journal_frame.h"

#include <assert.h>
#include <math.h>
#include <string.h>
#include <zlib.h>

enum { MASK_BYTES = (LS_N_COLUMNS + 7) / 8 };

static const unsigned char mark[4] = {'L', 'S', 'r', 0xf1};

struct frame_head {
    unsigned char mark[4];
    uint32_t n_payload;
    uint32_t crc; /* of n_payload and the payload */
};

/* The payload: the record up to its details, the details where there are kinds of them, the bit mask of the columns
 * with a value, their values. */
enum {
    FIXED_BYTES = offsetof(struct ls_record, details),
    DETAIL_BYTES = sizeof(((struct ls_record *)0)->details),
};

static_assert(sizeof(struct frame_head) == 12, "no padding");
static_assert(FIXED_BYTES + DETAIL_BYTES + sizeof(struct ls_metrics) == sizeof(struct ls_record),
              "details and metrics come last");
static_assert(sizeof(struct frame_head) + MASK_BYTES + sizeof(struct ls_record) <= LS_FRAME_MAX, "a frame fits");

static uint32_t frame_crc(const struct frame_head *head, const unsigned char *payload)
{
    const uLong length_crc = crc32(0, (const unsigned char *)&head->n_payload, sizeof head->n_payload);
    return (uint32_t)crc32(length_crc, payload, head->n_payload);
}

/* Bytes in front of the mask. */
static size_t fixed_bytes(uint32_t kinds)
{
    return kinds ? FIXED_BYTES + DETAIL_BYTES : FIXED_BYTES;
}

size_t ls_frame_encode(const struct ls_record *record, unsigned char *bytes)
{
    double columns[LS_N_COLUMNS];
    memcpy(columns, &record->metrics, sizeof columns);

    unsigned char *payload = bytes + sizeof(struct frame_head);
    const size_t n_fixed = fixed_bytes(record->kinds);
    unsigned char *mask = payload + n_fixed;
    unsigned char *value = mask + MASK_BYTES;
    memcpy(payload, record, n_fixed);
    memset(mask, 0, MASK_BYTES);
    for (size_t i = 0; i < LS_N_COLUMNS; i++) {
        if (isnan(columns[i]))
            continue;
        mask[i / 8] = (unsigned char)(mask[i / 8] | 1u << i % 8);
        memcpy(value, &columns[i], sizeof columns[i]);
        value += sizeof columns[i];
    }
    struct frame_head head = {.n_payload = (uint32_t)(value - payload)};
    memcpy(head.mark, mark, sizeof mark);
    head.crc = frame_crc(&head, payload);
    memcpy(bytes, &head, sizeof head);
    return sizeof head + head.n_payload;
}

static size_t n_masked(const unsigned char *mask)
{
    size_t n = 0;
    for (size_t i = 0; i < LS_N_COLUMNS; i++)
        n += (unsigned)mask[i / 8] >> i % 8 & 1u;
    return n;
}

bool ls_frame_decode(const unsigned char *bytes, size_t n, struct ls_record *record, size_t *length)
{
    struct frame_head head;
    if (n < sizeof head)
        return false;
    memcpy(&head, bytes, sizeof head);
    if (memcmp(head.mark, mark, sizeof mark) != 0 || head.n_payload > n - sizeof head ||
        head.n_payload < FIXED_BYTES + MASK_BYTES)
        return false;
    const unsigned char *payload = bytes + sizeof head;
    uint32_t kinds;
    memcpy(&kinds, payload + offsetof(struct ls_record, kinds), sizeof kinds);
    const size_t n_fixed = fixed_bytes(kinds);
    const unsigned char *mask = payload + n_fixed;
    const unsigned char *value = mask + MASK_BYTES;
    if (head.n_payload < n_fixed + MASK_BYTES || frame_crc(&head, payload) != head.crc ||
        head.n_payload != n_fixed + MASK_BYTES + sizeof(double) * n_masked(mask))
        return false;

    double columns[LS_N_COLUMNS];
    for (size_t i = 0; i < LS_N_COLUMNS; i++) {
        columns[i] = NAN;
        if ((unsigned)mask[i / 8] >> i % 8 & 1u) {
            memcpy(&columns[i], value, sizeof columns[i]);
            value += sizeof columns[i];
        }
    }
    *record = (struct ls_record){0};
    memcpy(record, payload, n_fixed);
    memcpy(&record->metrics, columns, sizeof columns);
    *length = sizeof head + head.n_payload;
    return true;
}

uint32_t ls_frame_layout(void)
{
    uLong crc = crc32(0, NULL, 0);
    for (size_t i = 0; i < LS_N_COLUMNS; i++) {
        char name[64];
        ls_metric_column_name(i, name, sizeof name);
        crc = crc32(crc, (const unsigned char *)name, (unsigned)strlen(name) + 1);
    }
    return (uint32_t)crc;
}
