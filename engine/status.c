#include "engine/status.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

const char *ls_status_text(enum ls_status status)
{
    static const char *const texts[] = {
#define X(name, text) text,
        LS_STATUSES(X)
#undef X
    };
    assert(status < LS_N_STATUSES);
    return texts[status];
}

#undef ls_fail
enum ls_status ls_fail(struct ls_err *err, enum ls_status status, const char *format, ...)
{
    if (err) {
        va_list args;
        va_start(args, format);
        (void)vsnprintf(err->text, sizeof err->text, format, args);
        va_end(args);
    }
    return status;
}
