#ifndef LS_CLI_STOP_SIGNAL_H
#define LS_CLI_STOP_SIGNAL_H

#include <stdbool.h>

/* From now on SIGTERM, SIGINT, SIGUSR1 and SIGUSR2 only set a flag; a second SIGINT ends the program as usual. A reader
 * of our messages that goes away no longer ends it either, nor does a limit on the size of files: writing fails. */
void ls_stop_signal_watch(void);

/* The signal that came, 0 for none. */
int ls_stop_signal(void);

/* "SIGTERM" and so on. */
const char *ls_stop_signal_name(int number);

#endif
