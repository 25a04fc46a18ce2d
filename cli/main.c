#include <stdio.h>

int main(void)
{
    (void)puts("llmsweep " LS_VERSION);
    return 0;
}
