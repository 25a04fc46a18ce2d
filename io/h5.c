#include "io/h5.h"

#include <stdio.h>
#include <string.h>

void ls_h5_init(struct ls_h5 *h5)
{
    /* The library's own clean-up at exit crashes on a file whose closing failed (a full disk, HDF5 1.10.8). We close
     * what we open, so nothing is lost without it; only the first call counts. */
    (void)H5dont_atexit();
    (void)H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    *h5 = (struct ls_h5){.file = H5I_INVALID_HID};
}

/* The innermost message says why; where the operating system has a word for it, that word. */
static herr_t take_fault(unsigned n, const H5E_error2_t *error, void *context)
{
    (void)n;
    static const char system_says[] = "error message = '";
    struct ls_h5 *h5 = context;
    const char *why = strstr(error->desc, system_says);
    if (why) {
        why += strlen(system_says);
        (void)snprintf(h5->fault, sizeof h5->fault, "%.*s", (int)strcspn(why, "'"), why);
        return 1; /* nothing can be clearer */
    }
    if (!h5->fault[0])
        (void)snprintf(h5->fault, sizeof h5->fault, "%s", error->desc);
    return 0;
}

static void fail(struct ls_h5 *h5)
{
    if (h5->failed)
        return;
    (void)H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, take_fault, h5);
    ls_h5_fail(h5, h5->fault[0] ? h5->fault : "HDF5 failed");
}

void ls_h5_fail(struct ls_h5 *h5, const char *why)
{
    h5->failed = true;
    if (why != h5->fault)
        (void)snprintf(h5->fault, sizeof h5->fault, "%s", why);
}

hid_t ls_h5_check(struct ls_h5 *h5, hid_t id)
{
    if (id < 0)
        fail(h5);
    return id;
}

void ls_h5_expect(struct ls_h5 *h5, herr_t result)
{
    if (result < 0)
        fail(h5);
}

enum ls_status ls_h5_status(const struct ls_h5 *h5, const char *verb, const char *path, struct ls_err *err)
{
    return h5->failed ? ls_fail(err, LS_IO, "cannot %s %s: %s", verb, path, h5->fault) : LS_OK;
}

hid_t ls_h5_create_list(struct ls_h5 *h5, hid_t list_class)
{
    const unsigned order = H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED;
    const hid_t list = ls_h5_check(h5, H5Pcreate(list_class));
    if (h5->failed)
        return list;
    ls_h5_expect(h5, H5Pset_obj_track_times(list, false));
    ls_h5_expect(h5, H5Pset_attr_creation_order(list, order));
    if (list_class != H5P_DATASET_CREATE)
        ls_h5_expect(h5, H5Pset_link_creation_order(list, order));
    return list;
}

static hid_t access_list(struct ls_h5 *h5)
{
    const hid_t access = ls_h5_check(h5, H5Pcreate(H5P_FILE_ACCESS));
    if (!h5->failed) {
        ls_h5_expect(h5, H5Pset_fclose_degree(access, H5F_CLOSE_SEMI));
        ls_h5_expect(h5, H5Pset_file_locking(access, true, true)); /* where the file system has locks */
    }
    return access;
}

void ls_h5_create(struct ls_h5 *h5, const char *path)
{
    const hid_t creation = ls_h5_create_list(h5, H5P_FILE_CREATE);
    const hid_t access = access_list(h5);
    if (!h5->failed)
        h5->file = ls_h5_check(h5, H5Fcreate(path, H5F_ACC_TRUNC, creation, access));
    (void)H5Pclose(access);
    (void)H5Pclose(creation);
}

void ls_h5_open(struct ls_h5 *h5, const char *path)
{
    const hid_t access = access_list(h5);
    if (!h5->failed)
        h5->file = ls_h5_check(h5, H5Fopen(path, H5F_ACC_RDONLY, access));
    (void)H5Pclose(access);
}

hid_t ls_h5_text_type(struct ls_h5 *h5)
{
    const hid_t type = ls_h5_check(h5, H5Tcopy(H5T_C_S1));
    if (!h5->failed) {
        ls_h5_expect(h5, H5Tset_size(type, H5T_VARIABLE));
        ls_h5_expect(h5, H5Tset_cset(type, H5T_CSET_UTF8));
    }
    return type;
}

static void put(struct ls_h5 *h5, hid_t object, const char *name, hid_t type, hid_t space, const void *values)
{
    if (h5->failed)
        return;
    const hid_t attribute = ls_h5_check(h5, H5Acreate2(object, name, type, space, H5P_DEFAULT, H5P_DEFAULT));
    if (attribute < 0)
        return;
    ls_h5_expect(h5, H5Awrite(attribute, type, values));
    ls_h5_expect(h5, H5Aclose(attribute));
}

void ls_h5_put_text(struct ls_h5 *h5, hid_t object, const char *name, const char *text)
{
    if (h5->failed)
        return;
    const hid_t type = ls_h5_text_type(h5);
    const hid_t space = ls_h5_check(h5, H5Screate(H5S_SCALAR));
    put(h5, object, name, type, space, &text);
    (void)H5Sclose(space);
    (void)H5Tclose(type);
}

void ls_h5_put_int(struct ls_h5 *h5, hid_t object, const char *name, int64_t value)
{
    if (h5->failed)
        return;
    const hid_t space = ls_h5_check(h5, H5Screate(H5S_SCALAR));
    put(h5, object, name, H5T_NATIVE_INT64, space, &value);
    (void)H5Sclose(space);
}

void ls_h5_put_values(struct ls_h5 *h5, hid_t object, const char *name, hid_t type, size_t n, const void *values)
{
    if (h5->failed)
        return;
    const hsize_t size = n;
    const hid_t space = ls_h5_check(h5, H5Screate_simple(1, &size, NULL));
    put(h5, object, name, type, space, values);
    (void)H5Sclose(space);
}
