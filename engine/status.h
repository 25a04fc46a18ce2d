#ifndef LS_ENGINE_STATUS_H
#define LS_ENGINE_STATUS_H

/* What every fallible function returns, and the message it leaves behind.
 *
 * Three kinds of trouble are never mixed: bad input is a status with a message, an infeasible point is data
 * (engine/reason.h), a broken invariant is an assert. The function that decides on an error writes its message;
 * callers pass it on. Outputs are set on success only. */

/* X(name, text) */
#define LS_STATUSES(X)                                                                                                 \
    X(OK, "success")                                                                                                   \
    X(INPUT, "bad input")                                                                                              \
    X(NOMEM, "out of memory")                                                                                          \
    X(IO, "input or output failed")                                                                                    \
    X(CONFLICT, "in use, or it exists already")                                                                        \
    X(STOPPED, "stopped early")                                                                                        \
    X(FAILED, "failed")

enum ls_status {
#define X(name, text) LS_##name,
    LS_STATUSES(X)
#undef X
        LS_N_STATUSES
};

#define LS_ERR_LEN 512

/* A message for a person: what is wrong, where, and what would be right. Empty until an error is written. */
struct ls_err {
    char text[LS_ERR_LEN];
};

#if defined(__GNUC__)
#define LS_NODISCARD __attribute__((warn_unused_result))
#define LS_PRINTF(format_index, first) __attribute__((format(printf, format_index, first)))
#else
#define LS_NODISCARD
#define LS_PRINTF(format_index, first)
#endif

/* Text of a status, for logs. */
const char *ls_status_text(enum ls_status status);

/* Write a message and return `status`, so that `return ls_fail(err, LS_INPUT, "…")` is one line. `err` may be null. */
enum ls_status ls_fail(struct ls_err *err, enum ls_status status, const char *format, ...) LS_PRINTF(3, 4);
#if defined(__clang_analyzer__)
/* The analyzer sees one file at a time: tell it which status comes back, or it takes failures for successes. */
#define ls_fail(err, status, ...) (ls_fail(err, status, __VA_ARGS__), (status))
#endif

#endif
