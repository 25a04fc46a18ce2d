/* The front end sees a chat twice, for its form and for its tokens: of chats that come at once none is with the engine
 * before all have their form, and one that comes alone waits for its own. */
#include <check.h>

#include "engine/metrics.h"
#include "tests/scenario.h"
#include "tests/suite.h"

enum { N_CHATS = 100 };
static const double char_s = 2.5e-6, template_s = 10e-3; /* of 4,000 characters */

static struct ls_sim *sim;

/* Mean time to the first token, with and without a template. */
static double ttft_s(enum ls_process process, double form_char_s, const char *chars)
{
    struct ls_scenario scenario;
    scenario_make(&scenario, scenario_llama_70b);
    scenario_set(&scenario, "strategy.tp", "4");
    scenario_set(&scenario, "model.chat_template_chars", chars);
    scenario_set_all(&scenario, scenario_no_front_end);
    scenario.engine.request_overhead_s = 1e-3;
    scenario.engine.chat_template_char_s = form_char_s;
    scenario.workload.max_requests = N_CHATS;
    scenario_add_profile(&scenario, 0.5, 100, 4)->arrivals.process = (int32_t)process;
    const struct ls_result result = scenario_run(sim, &scenario);
    return result.metrics.scalar[LS_METRIC_TTFT_MEAN_S];
}

START_TEST(chats_that_come_at_once_wait_for_the_forms_of_all)
{
    const double plain_s = ttft_s(LS_ARRIVALS_ALL_AT_ONCE, 0, "4000");
    ck_assert_double_eq_tol(ttft_s(LS_ARRIVALS_ALL_AT_ONCE, char_s, "4000"), plain_s + N_CHATS * template_s, 1e-9);
}
END_TEST

START_TEST(a_chat_that_comes_alone_waits_for_its_own)
{
    const double plain_s = ttft_s(LS_ARRIVALS_CONSTANT, 0, "4000");
    ck_assert_double_eq_tol(ttft_s(LS_ARRIVALS_CONSTANT, char_s, "4000"), plain_s + template_s, 1e-9);
}
END_TEST

START_TEST(a_model_without_a_template_has_none_to_wait_for)
{
    ck_assert_double_eq(ttft_s(LS_ARRIVALS_ALL_AT_ONCE, char_s, "0"), ttft_s(LS_ARRIVALS_ALL_AT_ONCE, 0, "4000"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("chats");
    TCase *tcase = tcase_create("chats");
    sim = ls_sim_new();
    tcase_add_test(tcase, chats_that_come_at_once_wait_for_the_forms_of_all);
    tcase_add_test(tcase, a_chat_that_comes_alone_waits_for_its_own);
    tcase_add_test(tcase, a_model_without_a_template_has_none_to_wait_for);
    suite_add_tcase(suite, tcase);
    const int status = suite_run(suite);
    ls_sim_free(sim);
    return status;
}
