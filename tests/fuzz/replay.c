/* Gives every file of the folders and files named to a fuzz target, once: the corpus as an ordinary test. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "io/read_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay(const char *path)
{
    char *text;
    size_t n;
    struct ls_err err = {""};
    if (ls_read_file(path, (size_t)1 << 24, &text, &n, &err)) {
        (void)fprintf(stderr, "%s: %s\n", path, err.text);
        return 0;
    }
    (void)LLVMFuzzerTestOneInput((const uint8_t *)text, n);
    free(text);
    return 1;
}

static int replay_folder(const char *path)
{
    int n = 0;
    DIR *folder = opendir(path);
    for (const struct dirent *entry; folder && (entry = readdir(folder));) {
        char file[4096];
        (void)snprintf(file, sizeof file, "%s/%s", path, entry->d_name);
        n += entry->d_name[0] != '.' && replay(file);
    }
    if (folder)
        (void)closedir(folder);
    return n;
}

int main(int argc, char **argv)
{
    int n = 0;
    for (int i = 1; i < argc; i++)
        n += replay_folder(argv[i]);
    (void)printf("%d inputs\n", n);
    return n > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
