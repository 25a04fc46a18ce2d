#include "cli/stop_signal.h"

#include <signal.h>
#include <stddef.h>

static volatile sig_atomic_t received;

static const struct {
    int number, flags;
    const char *name;
} watched[] = {
    {SIGTERM, 0, "SIGTERM"},
    {SIGINT, (int)SA_RESETHAND, "SIGINT"},
    {SIGUSR1, 0, "SIGUSR1"},
    {SIGUSR2, 0, "SIGUSR2"},
};

static void receive(int number)
{
    received = number;
}

void ls_stop_signal_watch(void)
{
    struct sigaction action = {.sa_handler = receive};
    (void)sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof watched / sizeof watched[0]; i++) {
        action.sa_flags = SA_RESTART | watched[i].flags;
        (void)sigaction(watched[i].number, &action, NULL);
    }
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGXFSZ, SIG_IGN);
}

int ls_stop_signal(void)
{
    return received;
}

const char *ls_stop_signal_name(int number)
{
    for (size_t i = 0; i < sizeof watched / sizeof watched[0]; i++)
        if (watched[i].number == number)
            return watched[i].name;
    return "a signal";
}
