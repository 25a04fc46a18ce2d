#include "engine/reason.h"

#include <assert.h>

const char *ls_reason_name(enum ls_reason reason)
{
    static const char *const names[] = {
#define X(name, meaning, text) #meaning,
        LS_REASONS(X)
#undef X
    };
    assert(reason < LS_N_REASONS);
    return names[reason];
}

const char *ls_reason_text(enum ls_reason reason)
{
    static const char *const texts[] = {
#define X(name, meaning, text) text,
        LS_REASONS(X)
#undef X
    };
    assert(reason < LS_N_REASONS);
    return texts[reason];
}
