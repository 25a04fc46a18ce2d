#include "io/sharegpt.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* Each reader returns where its value ends, or null where it is none. */

static const char *skip_blank(const char *at)
{
    return at + strspn(at, " \t\r\n");
}

/* Behind the backslash. The two halves of a character beyond the first 65,536 count as one. */
static const char *count_escape(const char *at, int64_t *n)
{
    if (*at != 'u') {
        *n += 1;
        return *at && strchr("\"\\/bfnrt", *at) ? at + 1 : NULL;
    }
    if (strspn(at + 1, "0123456789abcdefABCDEF") < 4)
        return NULL;
    const char digits[5] = {at[1], at[2], at[3], at[4], '\0'};
    const long code = strtol(digits, NULL, 16);
    *n += code < 0xdc00 || code > 0xdfff;
    return at + 5;
}

/* A text: its characters. */
static const char *count_text(const char *at, int64_t *n)
{
    *n = 0;
    if (*at++ != '"')
        return NULL;
    while (at && *at != '"') {
        if ((unsigned char)*at < 0x20)
            return NULL;
        if (*at == '\\') {
            at = count_escape(at + 1, n);
        } else {
            *n += ((unsigned char)*at & 0xc0) != 0x80; /* of a character's bytes in UTF-8, the first */
            at++;
        }
    }
    return at ? at + 1 : NULL;
}

static const char *skip_value(const char *at)
{
    int64_t n;
    int depth = 0;
    do {
        at = skip_blank(at);
        depth += *at == '{' || *at == '[';
        depth -= *at == '}' || *at == ']';
        if (*at == '"')
            at = count_text(at, &n);
        else if (*at && strchr("{}[],:", *at))
            at++;
        else
            at += strcspn(at, "{}[],: \t\r\n\"");
    } while (at && *at && depth > 0);
    return at;
}

/* The key of an object's next member, at[1 … *n], and behind its colon; null at the object's end or a fault. */
static const char *next_member(const char *at, const char **key, size_t *n)
{
    int64_t n_characters;
    *key = skip_blank(at);
    if (**key == ',')
        *key = skip_blank(*key + 1);
    at = count_text(*key, &n_characters);
    if (!at)
        return NULL;
    *key += 1;
    *n = (size_t)(at - 1 - *key);
    at = skip_blank(at);
    return *at == ':' ? skip_blank(at + 1) : NULL;
}

static bool is_key(const char *key, size_t n, const char *name)
{
    return strlen(name) == n && strncmp(key, name, n) == 0;
}

typedef const char *read_member(const char *key, size_t n, const char *at, void *context);

static const char *read_object(const char *at, read_member *read, void *context, const char **fault)
{
    const char *key;
    size_t n;
    *fault = at;
    if (*at++ != '{')
        return NULL;
    for (const char *value; (value = next_member(at, &key, &n));) {
        at = read(key, n, value, context);
        if (!at) {
            *fault = value;
            return NULL;
        }
        at = skip_blank(at);
        *fault = at;
    }
    at = skip_blank(at);
    return *at == '}' ? at + 1 : NULL;
}

struct turn {
    int64_t characters; /* negative: no text yet */
};

static const char *read_turn(const char *key, size_t n, const char *at, void *context)
{
    struct turn *turn = context;
    return is_key(key, n, "value") ? count_text(at, &turn->characters) : skip_value(at);
}

static const char *read_turns(const char *at, struct ls_sharegpt_pair *pair)
{
    const char *fault;
    int64_t n_turns = 0;
    if (*at != '[')
        return NULL;
    for (at = skip_blank(at + 1); at && *at != ']'; at = at && *at == ',' ? skip_blank(at + 1) : at) {
        struct turn turn = {-1};
        at = read_object(at, read_turn, &turn, &fault);
        if (!at || turn.characters < 0)
            return NULL;
        if (n_turns < 2)
            *(n_turns == 0 ? &pair->prompt : &pair->answer) = turn.characters;
        n_turns++;
        at = skip_blank(at);
        if (*at != ',' && *at != ']')
            return NULL;
    }
    return at ? at + 1 : NULL;
}

static const char *read_conversation(const char *key, size_t n, const char *at, void *context)
{
    return is_key(key, n, "conversations") ? read_turns(at, context) : skip_value(at);
}

/* A conversation and what is between it and the next one. */
static const char *read_element(const char *at, struct ls_sharegpt_pair *pair, const char **fault)
{
    at = read_object(at, read_conversation, pair, fault);
    if (!at)
        return NULL;
    at = skip_blank(at);
    *fault = at;
    if (*at == ',')
        return skip_blank(at + 1);
    return *at == ']' ? at : NULL;
}

static enum ls_status say_fault(const char *path, const char *text, const char *fault, struct ls_diags *diags)
{
    int line = 1;
    const char *start = text;
    for (const char *end; (end = strchr(start, '\n')) && end < fault; start = end + 1)
        line++;
    ls_diags_add(
        diags, path, line, (int)(fault - start) + 1, "",
        "not a list of conversations; write [{\"conversations\": [{\"value\": \"a prompt\"}, {\"value\": \"its "
        "answer\"}]}]");
    return LS_INPUT;
}

enum ls_status ls_sharegpt_read(const char *path, const char *text, ls_sharegpt_visit *visit, void *context,
                                struct ls_diags *diags)
{
    const char *at = skip_blank(text), *fault = at;
    enum ls_status status = LS_OK;
    at = *at == '[' ? skip_blank(at + 1) : NULL;
    while (at && *at != ']' && !status) {
        struct ls_sharegpt_pair pair = {0};
        at = read_element(at, &pair, &fault);
        if (at)
            status = visit(&pair, context);
    }
    return at ? status : say_fault(path, text, fault, diags);
}
