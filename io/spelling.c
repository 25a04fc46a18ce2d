#include "io/spelling.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Lower case, blanks as hyphens. */
static void copy_plain(const char *name, char *plain, size_t size)
{
    size_t n = 0;
    for (; name[n] && n + 1 < size; n++)
        plain[n] = (char)(name[n] == ' ' ? '-' : tolower((unsigned char)name[n]));
    plain[n] = '\0';
}

static void drop_prefix(char *plain, const char *prefix)
{
    const size_t n = strlen(prefix);
    if (strncmp(plain, prefix, n) == 0)
        memmove(plain, plain + n, strlen(plain + n) + 1);
}

static bool drop_suffix(char *plain, const char *suffix)
{
    const size_t n = strlen(plain), m = strlen(suffix);
    if (n <= m || strcmp(plain + n - m, suffix) != 0)
        return false;
    plain[n - m] = '\0';
    return true;
}

/* What follows the size in the name of a checkpoint of the same architecture. */
static bool drop_training(char *plain)
{
    static const char *const suffixes[] = {"-hf",   "-instruct", "-chat", "-base", "-it",  "-thinking",
                                           "-v0.1", "-v0.2",     "-v0.3", "-2507", "-0528"};
    for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++)
        if (drop_suffix(plain, suffixes[i]))
            return true;
    return false;
}

static const char *gpu_of(const char *plain)
{
    static const char *const names[][2] = {
        {"a100", "a100-80g-sxm"},
        {"a100-sxm", "a100-80g-sxm"},
        {"a100-80gb", "a100-80g-sxm"},
        {"a100-sxm4-80gb", "a100-80g-sxm"},
        {"a100-sxm-80gb", "a100-80g-sxm"},
        {"a100-80gb-sxm", "a100-80g-sxm"},
        {"a100-80gb-sxm4", "a100-80g-sxm"},
        {"a100-40gb", "a100-40g-sxm"},
        {"a100-sxm4-40gb", "a100-40g-sxm"},
        {"a100-sxm-40gb", "a100-40g-sxm"},
        {"a100-40gb-sxm", "a100-40g-sxm"},
        {"a100-pcie", "a100-80g-pcie"},
        {"a100-pcie-80gb", "a100-80g-pcie"},
        {"a100-80gb-pcie", "a100-80g-pcie"},
        {"a800", "a800-80g-sxm"},
        {"h100", "h100-sxm"},
        {"h100-80gb", "h100-sxm"},
        {"h100-sxm5", "h100-sxm"},
        {"h100-80gb-hbm3", "h100-sxm"},
        {"h100-80gb-sxm", "h100-sxm"},
        {"h100-sxm-80gb", "h100-sxm"},
        {"h100-pcie-80gb", "h100-pcie"},
        {"h100-80gb-pcie", "h100-pcie"},
        {"h800", "h800-sxm"},
        {"h20", "h20-sxm"},
        {"h200", "h200-sxm"},
        {"h200-141gb", "h200-sxm"},
        {"h200-sxm-141gb", "h200-sxm"},
        {"b200", "b200-sxm"},
        {"b300", "b300-sxm"},
        {"gh200-480gb", "gh200"},
        {"v100", "v100-sxm"},
        {"rtx3090", "rtx-3090"},
        {"rtx4090", "rtx-4090"},
        {"geforce-rtx-3090", "rtx-3090"},
        {"geforce-rtx-4090", "rtx-4090"},
        {"a6000", "rtx-a6000"},
        {"rtx6000pro", "rtx-pro-6000"},
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(plain, names[i][0]) == 0)
            return names[i][1];
    return plain;
}

void ls_spelling_plain(enum ls_shelf shelf, const char *name, char *plain, size_t size)
{
    if (shelf == LS_SHELF_MODELS) {
        const char *slash = strrchr(name, '/');
        copy_plain(slash ? slash + 1 : name, plain, size);
        drop_prefix(plain, "meta-");
        const bool fp8 = drop_suffix(plain, "-fp8");
        while (drop_training(plain))
            ;
        if (fp8)
            (void)snprintf(plain + strlen(plain), size - strlen(plain), "-fp8");
        return;
    }
    copy_plain(name, plain, size);
    if (shelf != LS_SHELF_HARDWARE)
        return;
    drop_prefix(plain, "nvidia-");
    const char *known = gpu_of(plain);
    if (known != plain)
        copy_plain(known, plain, size);
}
