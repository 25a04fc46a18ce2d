#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/param.h"
#include "engine/suggest.h"
#include "tests/suite.h"

static const char *const colours[] = {"red", "green", "blue", NULL};
static const char *const autos[] = {"auto", "auto_slo", NULL};

struct item {
    char name[LS_NAME_LEN];
    double rate;
};

static const struct ls_param item_rows[] = {
    LS_ROW_TEXT(struct item, "name", name, LS_PARAM_REQUIRED, NULL, "Name."),
    LS_ROW_FLOAT(struct item, "rate", rate, LS_DIM_NONE, 0, "1", 0, 1e9, "Rate."),
};
static const struct ls_param_table item_table = LS_TABLE(item_rows);

struct inner {
    double memory_bytes;
    double bandwidth;
};

static const struct ls_param inner_rows[] = {
    LS_ROW_FLOAT(struct inner, "memory", memory_bytes, LS_DIM_BYTES, 0, "80 GB", 0, 1e15, "Memory."),
    LS_ROW_FLOAT(struct inner, "bandwidth", bandwidth, LS_DIM_BANDWIDTH, LS_PARAM_NULLABLE, "null", 0, 1e15, "Speed."),
};
static const struct ls_param_table inner_table = LS_TABLE(inner_rows);

struct outer {
    int32_t flag;
    int32_t colour;
    int64_t count;
    int64_t budget;
    double share;
    double wait_s;
    double latency;
    double flops;
    double power;
    char text[LS_NAME_LEN];
    struct inner inner;
    int32_t n_items;
    struct item items[3];
};

enum { FLAG, COLOUR, COUNT, BUDGET, SHARE, WAIT, LATENCY, FLOPS, POWER, TEXT, INNER, ITEMS };

static const struct ls_param rows[] = {
    LS_ROW_BOOL(struct outer, "flag", flag, LS_PARAM_NULLABLE, "null", "Flag."),
    LS_ROW_CHOICE(struct outer, "colour", colour, 0, "green", colours, "Colour."),
    LS_ROW_INT(struct outer, "count", count, LS_PARAM_REQUIRED, NULL, 1, 4096, "Count."),
    {.key = "budget",
     .type = LS_PARAM_INT,
     .flags = LS_PARAM_NULLABLE,
     .offset = offsetof(struct outer, budget),
     .def = "auto",
     .min = 1,
     .max = 1e12,
     .choices = autos},
    LS_ROW_FLOAT(struct outer, "share", share, LS_DIM_NONE, 0, "0.9", 0, 1, "Share."),
    LS_ROW_FLOAT(struct outer, "wait_s", wait_s, LS_DIM_SECONDS, 0, "0", 0, 1e9, "Wait."),
    LS_ROW_FLOAT(struct outer, "latency", latency, LS_DIM_SECONDS, 0, "5 us", 0, 10, "Latency."),
    LS_ROW_FLOAT(struct outer, "flops", flops, LS_DIM_FLOP_RATE, 0, "989.5 TFLOP/s", 0, 1e19, "Peak."),
    LS_ROW_FLOAT(struct outer, "power", power, LS_DIM_WATT, 0, "0.7 kW", 0, 1e6, "Power."),
    LS_ROW_TEXT(struct outer, "text", text, LS_PARAM_NULLABLE, "null", "Text."),
    LS_ROW_GROUP(struct outer, "inner", inner, &inner_table, "Inner."),
    LS_ROW_LIST(struct outer, "items", items, n_items, 3, &item_table, "Items."),
};
static const struct ls_param_table table = LS_TABLE(rows);

static double number(const struct ls_param *param, const char *text)
{
    union ls_value value;
    struct ls_err err = {""};
    ck_assert_msg(ls_param_parse(param, text, &value, &err) == LS_OK, "%s: %s", text, err.text);
    return value.d;
}

static void refuse(const struct ls_param *param, const char *text, const char *message)
{
    union ls_value value;
    struct ls_err err = {""};
    ck_assert_int_eq(ls_param_parse(param, text, &value, &err), LS_INPUT);
    ck_assert_str_eq(err.text, message);
}

START_TEST(units_convert_exactly)
{
    const struct ls_param *memory = &inner_rows[0], *bandwidth = &inner_rows[1];
    ck_assert(number(memory, "80 GB") == 80e9);
    ck_assert(number(memory, "80GB") == 80e9);
    ck_assert(number(memory, "1.5 GiB") == 1.5 * 1024 * 1024 * 1024);
    ck_assert(number(memory, "3 TiB") == 3298534883328.0);
    ck_assert(number(memory, "7 KiB") == 7168.0);
    ck_assert(number(memory, "2 MiB") == 2097152.0);
    ck_assert(number(memory, "12 kB") == 12e3);
    ck_assert(number(memory, "5 B") == 5);
    ck_assert(number(bandwidth, "3.35 TB/s") == 3.35e12);
    ck_assert(number(bandwidth, "400 Gb/s") == 50e9);
    ck_assert(number(bandwidth, "10 Mb/s") == 1.25e6);
    ck_assert(number(bandwidth, "8 b/s") == 1);
    ck_assert(number(&rows[LATENCY], "5 ms") == 5e-3);
    ck_assert(number(&rows[LATENCY], "0.3 us") == 0.3e-6);
    ck_assert(number(&rows[LATENCY], "0.3 µs") == 0.3e-6);
    ck_assert(number(&rows[LATENCY], "700 ns") == 700e-9);
    ck_assert(number(&rows[WAIT], "20") == 20);
    ck_assert(number(&rows[WAIT], "20 ms") == 20e-3);
    ck_assert(number(&rows[FLOPS], "989.5 TFLOP/s") == 989.5e12);
    ck_assert(number(&rows[FLOPS], "1 PFLOP/s") == 1e15);
    ck_assert(number(&rows[FLOPS], "3 MFLOP/s") == 3e6);
    ck_assert(number(&rows[POWER], "1.2 kW") == 1200);
    ck_assert(number(&rows[SHARE], "2%") == 0.02);
    ck_assert(number(&rows[SHARE], "5e-1") == 0.5);
}
END_TEST

START_TEST(bad_values_say_what_would_be_right)
{
    const struct ls_param *memory = &inner_rows[0];
    refuse(&rows[WAIT], "80GB", "80GB is in units of byte; write seconds, such as 0.02 or 20 ms, from 0 to 1000000000");
    refuse(memory, "80", "80 has no unit; write bytes, such as 80 GB or 1.5 GiB, from 0 B to 1 PB");
    refuse(memory, "80 gb",
           "80 gb has a unit that is not known; write bytes, such as 80 GB or 1.5 GiB, from 0 B to 1 PB");
    refuse(memory, "2 PB", "2 PB is out of range; write bytes, such as 80 GB or 1.5 GiB, from 0 B to 1 PB");
    refuse(&rows[COUNT], "1.5", "1.5 is not a whole number; write a whole number from 1 to 4096");
    refuse(&rows[COUNT], "1e30", "1e30 is out of range; write a whole number from 1 to 4096");
    refuse(&rows[COUNT], "0", "0 is out of range; write a whole number from 1 to 4096");
    refuse(&rows[COUNT], "null", "null is not a value here; write a whole number from 1 to 4096");
    refuse(&rows[COUNT], "", "nothing is not a value here; write a whole number from 1 to 4096");
    refuse(&rows[COUNT], "auto", "auto is not a number; write a whole number from 1 to 4096");
    refuse(&rows[COUNT], "0x10", "0x10 is not a number; write a whole number from 1 to 4096");
    refuse(&rows[BUDGET], "automatic",
           "automatic is not a number; write a whole number from 1 to 1000000000000, auto or auto_slo, or null");
    refuse(&rows[SHARE], ".nan", ".nan is not a number; write a number from 0 to 1");
    refuse(&rows[SHARE], ".inf", ".inf is not a number; write a number from 0 to 1");
    refuse(&rows[SHARE], "1e999", "1e999 is not a number; write a number from 0 to 1");
    refuse(&rows[SHARE], "1.0001", "1.0001 is out of range; write a number from 0 to 1");
    refuse(&rows[COLOUR], "gren", "gren is not known (did you mean green?); write red, green or blue");
    refuse(&rows[COLOUR], "mauve", "mauve is not known; write red, green or blue");
    refuse(&rows[FLAG], "yes", "yes is neither true nor false; write true or false, or null");
}
END_TEST

START_TEST(long_text_is_refused)
{
    char text[LS_NAME_LEN + 1];
    union ls_value value;
    struct ls_err err = {""};
    memset(text, 'x', sizeof text);
    text[LS_NAME_LEN] = '\0';
    ck_assert_int_eq(ls_param_parse(&rows[TEXT], text, &value, &err), LS_INPUT);
    text[LS_NAME_LEN - 1] = '\0';
    ck_assert_int_eq(ls_param_parse(&rows[TEXT], text, &value, &err), LS_OK);
    ck_assert_int_eq(ls_param_parse(&rows[TEXT], "a\nb", &value, &err), LS_INPUT);
}
END_TEST

/* What ls_param_format writes of `value` is `text`, and reads back to the same bits. */
static void shows(const struct ls_param *param, double value, const char *text)
{
    char buffer[64];
    const union ls_value v = {.d = value};
    ck_assert_str_eq(ls_param_format(param, &v, buffer, sizeof buffer), text);
    ck_assert(number(param, buffer) == value);
}

START_TEST(numbers_are_written_shortest)
{
    shows(&rows[SHARE], 0.1, "0.1");
    shows(&rows[SHARE], 1.0 / 3, "0.3333333333333333");
    shows(&rows[SHARE], 1e-7, "1e-7");
    shows(&rows[SHARE], 0, "0");
    shows(&item_rows[1], 1e6, "1000000");
    shows(&rows[WAIT], 0.02, "0.02");
    shows(&rows[LATENCY], 5e-6, "5 us");
    shows(&inner_rows[0], 80e9, "80 GB");
    shows(&inner_rows[0], 80.0 * 1024 * 1024 * 1024, "80 GiB");
    shows(&inner_rows[0], 0, "0 B");
    shows(&inner_rows[1], 3.35e12, "3.35 TB/s");
    shows(&inner_rows[1], 50e9, "50 GB/s");
    shows(&rows[FLOPS], 989.5e12, "989.5 TFLOP/s");
    shows(&rows[POWER], 700, "700 W");
}
END_TEST

START_TEST(any_number_reads_back_to_the_same_bits)
{
    uint64_t state = 1;
    for (int i = 0; i < 2000; i++) {
        state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        const double value = ldexp((double)(state >> 11), (int)(state % 61) - 60);
        const union ls_value in = {.d = fmin(value, 1e9)};
        const struct ls_param *param[] = {&rows[WAIT], &inner_rows[0], &inner_rows[1], &item_rows[1]};
        for (size_t j = 0; j < 4; j++) {
            char buffer[64];
            ck_assert(number(param[j], ls_param_format(param[j], &in, buffer, sizeof buffer)) == in.d);
        }
    }
}
END_TEST

START_TEST(null_and_names_round_trip)
{
    union ls_value value;
    struct ls_err err;
    char buffer[LS_NAME_LEN];
    ck_assert_int_eq(ls_param_parse(&rows[BUDGET], "~", &value, &err), LS_OK);
    ck_assert(ls_param_is_null(&rows[BUDGET], &value));
    ck_assert_str_eq(ls_param_format(&rows[BUDGET], &value, buffer, sizeof buffer), "null");
    ck_assert_int_eq(ls_param_parse(&rows[BUDGET], "auto_slo", &value, &err), LS_OK);
    ck_assert_int_eq(value.i, -2);
    ck_assert_str_eq(ls_param_format(&rows[BUDGET], &value, buffer, sizeof buffer), "auto_slo");
    ck_assert_int_eq(ls_param_parse(&rows[BUDGET], "8192", &value, &err), LS_OK);
    ck_assert_int_eq(value.i, 8192);
    ck_assert_int_eq(ls_param_parse(&rows[COLOUR], "blue", &value, &err), LS_OK);
    ck_assert_str_eq(ls_param_format(&rows[COLOUR], &value, buffer, sizeof buffer), "blue");
    ck_assert_int_eq(ls_param_parse(&rows[FLAG], "null", &value, &err), LS_OK);
    ck_assert(ls_param_is_null(&rows[FLAG], &value));
}
END_TEST

static struct outer sample(void)
{
    struct outer outer;
    memset(&outer, 0, sizeof outer);
    ls_param_set_defaults(&table, &outer);
    outer.n_items = 2;
    strcpy(outer.items[0].name, "chat");
    strcpy(outer.items[1].name, "code");
    outer.items[1].rate = 7;
    return outer;
}

START_TEST(defaults_are_set_everywhere)
{
    struct outer outer;
    memset(&outer, 0xff, sizeof outer);
    ls_param_set_defaults(&table, &outer);
    ck_assert_int_eq(outer.flag, LS_NULL_CHOICE);
    ck_assert_int_eq(outer.colour, 1);
    ck_assert_int_eq(outer.count, LS_NULL_INT);
    ck_assert_int_eq(outer.budget, -1);
    ck_assert(outer.latency == 5e-6);
    ck_assert(outer.power == 700);
    ck_assert_str_eq(outer.text, "");
    ck_assert(outer.inner.memory_bytes == 80e9);
    ck_assert(isnan(outer.inner.bandwidth));
    ck_assert_int_eq(outer.n_items, 0);
}
END_TEST

START_TEST(paths_are_found)
{
    const struct outer outer = sample();
    struct ls_param_ref ref;
    struct ls_err err;
    ck_assert_int_eq(ls_param_find(&table, &outer, "inner.bandwidth", &ref, &err), LS_OK);
    ck_assert_uint_eq(ref.offset, offsetof(struct outer, inner) + offsetof(struct inner, bandwidth));
    ck_assert_ptr_eq(ref.param, &inner_rows[1]);
    ck_assert_int_eq(ls_param_find(&table, &outer, "items.code.rate", &ref, &err), LS_OK);
    ck_assert_ptr_eq((const char *)&outer + ref.offset, &outer.items[1].rate);
    ck_assert(ls_param_load(ref.param, (const char *)&outer + ref.offset).d == 7);
    ck_assert_int_eq(ls_param_find(&table, &outer, "inner", &ref, &err), LS_OK);
    ck_assert_int_eq(ref.param->type, LS_PARAM_GROUP);
}
END_TEST

START_TEST(unknown_paths_say_what_there_is)
{
    const struct outer outer = sample();
    static const struct {
        const char *path, *message;
    } cases[] = {
        {"inner.bandwith", "unknown key bandwith (did you mean bandwidth?)"},
        {"inner.zzz", "unknown key zzz; there are memory or bandwidth"},
        {"items.chatt.rate", "unknown name chatt (did you mean chat?)"},
        {"items.chat", "chat is an entry of items; name one of its keys"},
        {"count.x", "count is a value and has no key x"},
        {"inner..memory", "unknown key ; there are memory or bandwidth"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ls_param_ref ref;
        struct ls_err err = {""};
        ck_assert_int_eq(ls_param_find(&table, &outer, cases[i].path, &ref, &err), LS_INPUT);
        ck_assert_str_eq(err.text, cases[i].message);
    }
}
END_TEST

static void collect(const char *path, const struct ls_param *param, const void *field, void *context)
{
    char *all = context;
    (void)param;
    (void)field;
    strcat(all, path);
    strcat(all, " ");
}

START_TEST(walk_visits_every_scalar_in_order)
{
    const struct outer outer = sample();
    char all[1024] = "";
    ls_param_walk(&table, &outer, collect, all);
    ck_assert_str_eq(all, "flag colour count budget share wait_s latency flops power text inner.memory inner.bandwidth "
                          "items.chat.name items.chat.rate items.code.name items.code.rate ");
}
END_TEST

START_TEST(suggestions_are_near_or_none)
{
    const char *const names[] = {"max_num_seqs", "max_model_len", NULL, "tp"};
    ck_assert_str_eq(ls_suggest("max_num_seq", names, 4), "max_num_seqs");
    ck_assert_str_eq(ls_suggest("TP", names, 4), "tp");
    ck_assert_ptr_null(ls_suggest("colour", names, 4));
    ck_assert_ptr_null(ls_suggest("", names, 4));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("param");
    TCase *tcase = tcase_create("param");
    tcase_add_test(tcase, units_convert_exactly);
    tcase_add_test(tcase, bad_values_say_what_would_be_right);
    tcase_add_test(tcase, long_text_is_refused);
    tcase_add_test(tcase, numbers_are_written_shortest);
    tcase_add_test(tcase, any_number_reads_back_to_the_same_bits);
    tcase_add_test(tcase, null_and_names_round_trip);
    tcase_add_test(tcase, defaults_are_set_everywhere);
    tcase_add_test(tcase, paths_are_found);
    tcase_add_test(tcase, unknown_paths_say_what_there_is);
    tcase_add_test(tcase, walk_visits_every_scalar_in_order);
    tcase_add_test(tcase, suggestions_are_near_or_none);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
