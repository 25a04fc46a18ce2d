#ifndef LS_ENGINE_PARAM_H
#define LS_ENGINE_PARAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/status.h"

/* Every parameter is one row of one table: the file reader, axes, --set, help, the manual and the cube's attributes all
 * read it. A table describes one struct; groups and lists nest tables. The root is ls_scenario_params. */

enum ls_param_type {
    LS_PARAM_BOOL,   /* int32_t: 0, 1, or LS_NULL_CHOICE */
    LS_PARAM_CHOICE, /* int32_t: index into choices, or LS_NULL_CHOICE */
    LS_PARAM_INT,    /* int64_t, LS_NULL_INT, or −(i + 1) where the value is the name choices[i] ("auto") */
    LS_PARAM_FLOAT,  /* double in SI base units, NaN for null */
    LS_PARAM_TEXT,   /* char[LS_NAME_LEN], empty for null; a sequence of words is stored joined by spaces */
    LS_PARAM_GROUP,  /* a nested struct, a mapping in the file */
    LS_PARAM_LIST,   /* an array of structs that begin with a char[LS_NAME_LEN] name, a sequence of mappings in the file
                      */
    LS_PARAM_OBJECT  /* a nested struct that a library file describes: a name, a path, or a mapping with an optional
                        `base` */
};

/* What a number measures, hence which unit it is written with. */
enum ls_dimension {
    LS_DIM_NONE,      /* a bare number */
    LS_DIM_SECONDS,   /* `5 ms`; bare when the key ends in _s */
    LS_DIM_BYTES,     /* `80 GB`, `1.5 GiB` */
    LS_DIM_BANDWIDTH, /* bytes a second: `3.35 TB/s`, `400 Gb/s` */
    LS_DIM_FLOP_RATE, /* operations a second: `989.5 TFLOP/s` */
    LS_DIM_WATT,      /* `700 W` */
    LS_N_DIMENSIONS
};

#define LS_NAME_LEN 96
#define LS_NULL_CHOICE (-1)
#define LS_NULL_INT INT64_MIN

enum {
    LS_PARAM_NULLABLE = 1, /* null is a value: "the preset's", "the hardware's", "none" */
    LS_PARAM_REQUIRED = 2, /* no default */
    LS_PARAM_EVERY = 4,    /* a file may write the number k as {every: k} */
    LS_PARAM_SAMPLES = 8   /* the `file` of a struct ls_dist: a column of it is read into its samples */
};

struct ls_param {
    const char *key; /* one element of the dotted path */
    enum ls_param_type type;
    enum ls_dimension dimension;
    unsigned flags;
    size_t offset;   /* in the enclosing struct */
    const char *def; /* the default as a user writes it; NULL in lists, objects, required rows and all groups but those
                        that a word leaves at their defaults */
    double min, max; /* inclusive; numbers only */
    const char *const *choices;         /* null-terminated names, or NULL */
    const struct ls_param_table *table; /* group, list, object: what is inside */
    size_t stride, max_items,
        count_offset; /* list: bytes an element, capacity, int32_t count in the enclosing struct */
    const char *doc;  /* one sentence for the manual */
};

struct ls_param_table {
    const struct ls_param *rows;
    size_t n;
};

/* A value on its way from text into a field. */
union ls_value {
    int64_t i; /* BOOL, CHOICE, INT */
    double d;  /* FLOAT */
    char s[LS_NAME_LEN];
};

/* A parameter found by its dotted path: its row and where its field lies in the root struct. */
struct ls_param_ref {
    const struct ls_param *param;
    size_t offset;
};

/* Find `path` ("workload.profiles.chat.arrivals.rate") from `table`, whose struct starts at `base`; the elements of
 * lists are found by their names, so `base` must hold them. LS_INPUT with the element that is unknown in err. */
LS_NODISCARD enum ls_status ls_param_find(const struct ls_param_table *table, const void *base, const char *path,
                                          struct ls_param_ref *ref, struct ls_err *err);

/* Read `text` ("80 GiB", "null", "vllm-0.11") as a value of `param`, checking type, unit, range and choices.
 * LS_INPUT with what is wrong and what would be right in err (without the key, which the caller knows). */
LS_NODISCARD enum ls_status ls_param_parse(const struct ls_param *param, const char *text, union ls_value *value,
                                           struct ls_err *err);

/* What would be right for a scalar row: "a whole number from 1 to 4096, or null"; returns buffer. */
const char *ls_param_advice(const struct ls_param *param, char *buffer, size_t size);

/* Write `value` as a user would (shortest form that reads back to the same bits) into buffer; returns buffer. */
const char *ls_param_format(const struct ls_param *param, const union ls_value *value, char *buffer, size_t size);

/* Move a value between a field and a union; `field` points at the field itself. Scalar types only. */
void ls_param_store(const struct ls_param *param, void *field, const union ls_value *value);
union ls_value ls_param_load(const struct ls_param *param, const void *field);

bool ls_param_is_null(const struct ls_param *param, const union ls_value *value);
bool ls_param_is_scalar(const struct ls_param *param);

/* Elements of a list in the struct at `parent`. */
int32_t ls_param_list_count(const struct ls_param *list, const void *parent);

/* Whether a nullable object at `object` is null: what it must have is null. */
bool ls_param_is_null_object(const struct ls_param *param, const void *object);

/* Set every scalar below `table` to its default (required rows to null); lists become empty. */
void ls_param_set_defaults(const struct ls_param_table *table, void *base);

/* Text of the SI base unit, `s`, `byte`, `byte/s`, `FLOP/s`, `W` or `1`. */
const char *ls_dimension_unit(enum ls_dimension dimension);

/* Call `visit` for every scalar below `table`, depth first in table order, with its dotted path. */
typedef void ls_param_visit(const char *path, const struct ls_param *param, const void *field, void *context);
void ls_param_walk(const struct ls_param_table *table, const void *base, ls_param_visit *visit, void *context);

/* Shorthands for rows: struct type, member, then the rest. */
#define LS_ROW(type_, key_, member_, ptype_, dim_, flags_, def_, min_, max_, choices_, doc_)                           \
    {                                                                                                                  \
        .key = (key_), .type = (ptype_), .dimension = (dim_), .flags = (flags_), .offset = offsetof(type_, member_),   \
        .def = (def_), .min = (min_), .max = (max_), .choices = (choices_), .doc = (doc_)                              \
    }
#define LS_ROW_BOOL(type, key, member, flags, def, doc)                                                                \
    LS_ROW(type, key, member, LS_PARAM_BOOL, LS_DIM_NONE, flags, def, 0, 1, NULL, doc)
#define LS_ROW_CHOICE(type, key, member, flags, def, choices, doc)                                                     \
    LS_ROW(type, key, member, LS_PARAM_CHOICE, LS_DIM_NONE, flags, def, 0, 0, choices, doc)
#define LS_ROW_INT(type, key, member, flags, def, min, max, doc)                                                       \
    LS_ROW(type, key, member, LS_PARAM_INT, LS_DIM_NONE, flags, def, min, max, NULL, doc)
#define LS_ROW_FLOAT(type, key, member, dim, flags, def, min, max, doc)                                                \
    LS_ROW(type, key, member, LS_PARAM_FLOAT, dim, flags, def, min, max, NULL, doc)
#define LS_ROW_TEXT(type, key, member, flags, def, doc)                                                                \
    LS_ROW(type, key, member, LS_PARAM_TEXT, LS_DIM_NONE, flags, def, 0, 0, NULL, doc)
#define LS_ROW_GROUP(type_, key_, member_, table_, doc_)                                                               \
    {                                                                                                                  \
        .key = (key_), .type = LS_PARAM_GROUP, .offset = offsetof(type_, member_), .table = (table_), .doc = (doc_)    \
    }
/* A group that the word `def_` may stand for: its defaults, but for the switch of that name. */
#define LS_ROW_GROUP_OR(type_, key_, member_, table_, def_, doc_)                                                      \
    {                                                                                                                  \
        .key = (key_), .type = LS_PARAM_GROUP, .offset = offsetof(type_, member_), .table = (table_), .def = (def_),   \
        .doc = (doc_)                                                                                                  \
    }
#define LS_ROW_OBJECT(type_, key_, member_, flags_, table_, doc_)                                                      \
    {                                                                                                                  \
        .key = (key_), .type = LS_PARAM_OBJECT, .flags = (flags_), .offset = offsetof(type_, member_),                 \
        .table = (table_), .doc = (doc_)                                                                               \
    }
#define LS_ROW_LIST(type_, key_, member_, count_, max_, table_, doc_)                                                  \
    {                                                                                                                  \
        .key = (key_), .type = LS_PARAM_LIST, .offset = offsetof(type_, member_), .table = (table_),                   \
        .stride = sizeof(((type_ *)0)->member_[0]), .max_items = (max_), .count_offset = offsetof(type_, count_),      \
        .doc = (doc_)                                                                                                  \
    }
#define LS_TABLE(rows_)                                                                                                \
    {                                                                                                                  \
        .rows = (rows_), .n = sizeof(rows_) / sizeof((rows_)[0])                                                       \
    }

#endif
