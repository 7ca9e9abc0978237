// Keeps Wine's services, and with them loaded drivers, there until it is ended: they go when the last program
// does. Says when it is there.
#include <windows.h>

#include <stdio.h>

int
main(void)
{
    puts("here");
    fflush(stdout);
    Sleep(INFINITE);
    return 0;
}
