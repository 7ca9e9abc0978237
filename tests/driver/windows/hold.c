// Keeps Wine's services, and with them loaded drivers, there until it is ended: they go when the last program
// does. Says when it is there.
#include <windows.h>

#include <stdio.h>

int
main(void)
{
    // The first program that needs the desktop starts Wine's explorer, which keeps that program's output open: whoever
    // reads it to its end would wait for ever.
    if (GetDesktopWindow() == NULL)
        return 1;
    puts("here");
    fflush(stdout);
    Sleep(INFINITE);
    return 0;
}
