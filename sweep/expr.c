#include "sweep/expr.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_STACK = 64, MAX_NESTING = 64, NAME_LEN = 256 };

enum code {
    CODE_NUMBER,
    CODE_TEXT,
    CODE_SLOT,
    CODE_NEGATE,
    CODE_NOT,
    CODE_ADD,
    CODE_SUBTRACT,
    CODE_MULTIPLY,
    CODE_DIVIDE,
    CODE_REMAINDER,
    CODE_MIN,
    CODE_MAX,
    CODE_LESS,
    CODE_LESS_EQUAL,
    CODE_GREATER,
    CODE_GREATER_EQUAL,
    CODE_EQUAL,
    CODE_NOT_EQUAL,
    CODE_AND,
    CODE_OR
};

struct op {
    enum code code;
    int slot;
    double number;
    size_t text; /* offset in strings */
};

/* A program for a stack machine: operands first. */
struct ls_expr {
    size_t n, capacity;
    struct op *ops;
    char *strings; /* one after another, each null-terminated */
    size_t n_strings;
};

/* --- Compiling, by recursive descent --- */

struct parser {
    const char *source, *next;
    ls_expr_resolve *resolve;
    void *context;
    struct ls_expr *expr;
    struct ls_err *err;
    int nesting;
    int depth; /* operands on the stack at this point */
};

static enum ls_status parse_or(struct parser *parser);

static void skip_space(struct parser *parser)
{
    parser->next += strspn(parser->next, " \t\r\n");
}

static enum ls_status expected(const struct parser *parser, const char *what)
{
    const int column = (int)(parser->next - parser->source) + 1;
    if (*parser->next == '\0')
        return ls_fail(parser->err, LS_INPUT, "column %d: it ends where %s was expected", column, what);
    return ls_fail(parser->err, LS_INPUT, "column %d: %.20s; %s was expected", column, parser->next, what);
}

/* Append an instruction that takes n_operands from the stack and leaves one. */
static enum ls_status emit(struct parser *parser, struct op op, int n_operands)
{
    struct ls_expr *expr = parser->expr;
    if (expr->n == expr->capacity) {
        const size_t capacity = expr->capacity ? 2 * expr->capacity : 16;
        struct op *ops = realloc(expr->ops, capacity * sizeof *ops);
        if (!ops)
            return ls_fail(parser->err, LS_NOMEM, "out of memory");
        expr->ops = ops;
        expr->capacity = capacity;
    }
    parser->depth += 1 - n_operands;
    if (parser->depth > MAX_STACK)
        return ls_fail(parser->err, LS_INPUT, "too long; write it with fewer parentheses");
    expr->ops[expr->n++] = op;
    return LS_OK;
}

static enum ls_status emit_code(struct parser *parser, enum code code, int n_operands)
{
    return emit(parser, (struct op){.code = code}, n_operands);
}

/* Take a symbol if it is next. */
static bool take(struct parser *parser, const char *symbol)
{
    skip_space(parser);
    const size_t n = strlen(symbol);
    if (strncmp(parser->next, symbol, n) != 0)
        return false;
    parser->next += n;
    return true;
}

static size_t name_length(const char *text)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";
    static const char others[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_.0123456789";
    return strspn(text, letters) ? strspn(text, others) : 0;
}

/* Take a word if it is next, whole. */
static bool take_word(struct parser *parser, const char *word)
{
    skip_space(parser);
    const size_t n = name_length(parser->next);
    if (n != strlen(word) || memcmp(parser->next, word, n) != 0)
        return false;
    parser->next += n;
    return true;
}

static enum ls_status parse_number(struct parser *parser)
{
    char *end;
    const double number = strtod(parser->next, &end);
    if (name_length(end))
        return expected(parser, "a number");
    parser->next = end;
    return emit(parser, (struct op){.code = CODE_NUMBER, .number = number}, 0);
}

static enum ls_status parse_string(struct parser *parser)
{
    const char quote = *parser->next;
    const char *end = strchr(parser->next + 1, quote);
    if (!end)
        return expected(parser, "a string that ends");
    const size_t n = (size_t)(end - parser->next) - 1;
    struct ls_expr *expr = parser->expr;
    char *strings = realloc(expr->strings, expr->n_strings + n + 1);
    if (!strings)
        return ls_fail(parser->err, LS_NOMEM, "out of memory");
    memcpy(strings + expr->n_strings, parser->next + 1, n);
    strings[expr->n_strings + n] = '\0';
    const struct op op = {.code = CODE_TEXT, .text = expr->n_strings};
    expr->strings = strings;
    expr->n_strings += n + 1;
    parser->next = end + 1;
    return emit(parser, op, 0);
}

static enum ls_status parse_name(struct parser *parser)
{
    char name[NAME_LEN];
    const size_t n = name_length(parser->next);
    if (n == 0)
        return expected(parser, "a number, a name or (");
    if (n >= sizeof name)
        return expected(parser, "a shorter name");
    memcpy(name, parser->next, n);
    name[n] = '\0';
    const int slot = parser->resolve(name, parser->context);
    if (slot < 0)
        return ls_fail(parser->err, LS_INPUT, "column %d: unknown name %s", (int)(parser->next - parser->source) + 1,
                       name);
    parser->next += n;
    return emit(parser, (struct op){.code = CODE_SLOT, .slot = slot}, 0);
}

static enum ls_status parse_arguments(struct parser *parser, enum code code)
{
    if (!take(parser, "("))
        return expected(parser, "(");
    enum ls_status status = parse_or(parser);
    while (!status && take(parser, ",")) {
        status = parse_or(parser);
        if (!status)
            status = emit_code(parser, code, 2);
    }
    if (!status && !take(parser, ")"))
        return expected(parser, ") or ,");
    return status;
}

static enum ls_status parse_parentheses(struct parser *parser)
{
    const enum ls_status status = parse_or(parser);
    if (!status && !take(parser, ")"))
        return expected(parser, ")");
    return status;
}

static bool is_number_start(const char *text)
{
    const char *digit = text[0] == '.' ? text + 1 : text;
    return *digit >= '0' && *digit <= '9';
}

static enum ls_status parse_primary(struct parser *parser)
{
    skip_space(parser);
    if (take(parser, "("))
        return parse_parentheses(parser);
    if (*parser->next == '\'' || *parser->next == '"')
        return parse_string(parser);
    if (is_number_start(parser->next))
        return parse_number(parser);
    if (take_word(parser, "min"))
        return parse_arguments(parser, CODE_MIN);
    if (take_word(parser, "max"))
        return parse_arguments(parser, CODE_MAX);
    return parse_name(parser);
}

static enum ls_status parse_unary(struct parser *parser)
{
    bool negative = false;
    while (take(parser, "-"))
        negative = !negative;
    const enum ls_status status = parse_primary(parser);
    return status || !negative ? status : emit_code(parser, CODE_NEGATE, 1);
}

static enum ls_status parse_product(struct parser *parser)
{
    enum ls_status status = parse_unary(parser);
    while (!status) {
        const enum code code = take(parser, "*")   ? CODE_MULTIPLY
                               : take(parser, "/") ? CODE_DIVIDE
                               : take(parser, "%") ? CODE_REMAINDER
                                                   : CODE_NUMBER;
        if (code == CODE_NUMBER)
            break;
        status = parse_unary(parser);
        if (!status)
            status = emit_code(parser, code, 2);
    }
    return status;
}

static enum ls_status parse_sum(struct parser *parser)
{
    enum ls_status status = parse_product(parser);
    while (!status) {
        const enum code code = take(parser, "+") ? CODE_ADD : take(parser, "-") ? CODE_SUBTRACT : CODE_NUMBER;
        if (code == CODE_NUMBER)
            break;
        status = parse_product(parser);
        if (!status)
            status = emit_code(parser, code, 2);
    }
    return status;
}

static bool take_comparison(struct parser *parser, enum code *code)
{
    static const struct {
        const char *symbol;
        enum code code;
    } comparisons[] = {{"<=", CODE_LESS_EQUAL}, {">=", CODE_GREATER_EQUAL}, {"==", CODE_EQUAL},
                       {"!=", CODE_NOT_EQUAL},  {"<", CODE_LESS},           {">", CODE_GREATER}};
    for (size_t i = 0; i < sizeof comparisons / sizeof comparisons[0]; i++) {
        if (take(parser, comparisons[i].symbol)) {
            *code = comparisons[i].code;
            return true;
        }
    }
    return false;
}

static enum ls_status parse_comparison(struct parser *parser)
{
    enum ls_status status = parse_sum(parser);
    enum code code;
    if (status || !take_comparison(parser, &code))
        return status;
    status = parse_sum(parser);
    if (!status)
        status = emit_code(parser, code, 2);
    if (!status && take_comparison(parser, &code))
        return ls_fail(parser->err, LS_INPUT, "comparisons do not chain; write a < b and b < c");
    return status;
}

/* Every way to nest passes here, parentheses through parse_or. */
static enum ls_status parse_not(struct parser *parser)
{
    if (++parser->nesting > MAX_NESTING)
        return ls_fail(parser->err, LS_INPUT, "nested deeper than %d levels; write it with fewer parentheses",
                       MAX_NESTING);
    enum ls_status status;
    if (take_word(parser, "not")) {
        status = parse_not(parser);
        if (!status)
            status = emit_code(parser, CODE_NOT, 1);
    } else {
        status = parse_comparison(parser);
    }
    parser->nesting--;
    return status;
}

static enum ls_status parse_and(struct parser *parser)
{
    enum ls_status status = parse_not(parser);
    while (!status && take_word(parser, "and")) {
        status = parse_not(parser);
        if (!status)
            status = emit_code(parser, CODE_AND, 2);
    }
    return status;
}

static enum ls_status parse_or(struct parser *parser)
{
    enum ls_status status = parse_and(parser);
    while (!status && take_word(parser, "or")) {
        status = parse_and(parser);
        if (!status)
            status = emit_code(parser, CODE_OR, 2);
    }
    return status;
}

enum ls_status ls_expr_compile(const char *source, ls_expr_resolve *resolve, void *context, struct ls_expr **expr,
                               struct ls_err *err)
{
    struct ls_expr *compiled = calloc(1, sizeof *compiled);
    if (!compiled)
        return ls_fail(err, LS_NOMEM, "out of memory");
    struct parser parser = {source, source, resolve, context, compiled, err, 0, 0};
    enum ls_status status = parse_or(&parser);
    skip_space(&parser);
    if (!status && *parser.next)
        status = expected(&parser, "an operator, such as <= or and,");
    if (status) {
        ls_expr_free(compiled);
        return status;
    }
    *expr = compiled;
    return LS_OK;
}

void ls_expr_free(struct ls_expr *expr)
{
    if (!expr)
        return;
    free(expr->ops);
    free(expr->strings);
    free(expr);
}

/* --- Evaluating --- */

static bool is_true(struct ls_expr_value value)
{
    return value.text ? value.text[0] != '\0' : value.number != 0 && !isnan(value.number);
}

static double number_of(struct ls_expr_value value)
{
    return value.text ? (double)NAN : value.number;
}

static double compute(enum code code, double a, double b)
{
    switch (code) {
    case CODE_ADD:
        return a + b;
    case CODE_SUBTRACT:
        return a - b;
    case CODE_MULTIPLY:
        return a * b;
    case CODE_DIVIDE:
        return b == 0 ? (double)NAN : a / b;
    case CODE_REMAINDER:
        return b == 0 ? (double)NAN : fmod(a, b);
    case CODE_MIN:
        return isnan(a) || isnan(b) ? (double)NAN : fmin(a, b);
    default:
        assert(code == CODE_MAX);
        return isnan(a) || isnan(b) ? (double)NAN : fmax(a, b);
    }
}

static bool compare(enum code code, double a, double b)
{
    switch (code) {
    case CODE_LESS:
        return a < b;
    case CODE_LESS_EQUAL:
        return a <= b;
    case CODE_GREATER:
        return a > b;
    case CODE_GREATER_EQUAL:
        return a >= b;
    case CODE_EQUAL:
        return a == b;
    default:
        return a < b || a > b; /* false for NaN, unlike != */
    }
}

static double apply(enum code code, struct ls_expr_value a, struct ls_expr_value b)
{
    if (code == CODE_AND)
        return is_true(a) && is_true(b);
    if (code == CODE_OR)
        return is_true(a) || is_true(b);
    if (a.text && b.text && (code == CODE_EQUAL || code == CODE_NOT_EQUAL))
        return (strcmp(a.text, b.text) == 0) == (code == CODE_EQUAL);
    if (code >= CODE_LESS)
        return compare(code, number_of(a), number_of(b));
    return compute(code, number_of(a), number_of(b));
}

static struct ls_expr_value operand(const struct ls_expr *expr, const struct op *op, const struct ls_expr_value *slots)
{
    if (op->code == CODE_SLOT)
        return slots[op->slot];
    if (op->code == CODE_TEXT)
        return (struct ls_expr_value){0, expr->strings + op->text};
    return (struct ls_expr_value){op->number, NULL};
}

double ls_expr_evaluate(const struct ls_expr *expr, const struct ls_expr_value *slots)
{
    struct ls_expr_value stack[MAX_STACK] = {{0, NULL}};
    size_t n = 0;
    for (size_t i = 0; i < expr->n; i++) {
        const struct op *op = &expr->ops[i];
        if (op->code <= CODE_SLOT) {
            stack[n++] = operand(expr, op, slots);
        } else if (op->code <= CODE_NOT) {
            const struct ls_expr_value top = stack[n - 1];
            stack[n - 1] = (struct ls_expr_value){op->code == CODE_NOT ? (double)!is_true(top) : -number_of(top), NULL};
        } else {
            n--;
            stack[n - 1] = (struct ls_expr_value){apply(op->code, stack[n - 1], stack[n]), NULL};
        }
    }
    assert(n == 1);
    return stack[0].text ? (double)is_true(stack[0]) : stack[0].number;
}
