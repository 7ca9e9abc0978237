// A double of wevtapi.dll, for tests under Wine, whose own has no event log: a log is a file in C:\ebpf\logs (a slash in its name
// is a dash), with an event of XML a line, the newest first. Of a query it knows the provider's name and the numbers of events.
// Handles that are left open when the process ends are told in C:\ebpf\logs\open.
#include <windows.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHANNEL_PATH_REVERSED 0x201
#define RENDER_EVENT_XML 1
#define CHANNEL_NOT_FOUND 15007

typedef struct {
    // Of results; NULL: an event.
    FILE *file;
    char query[1024];
    char *xml;
} object;

static LONG open_count;

static object *make(void)
{
    InterlockedIncrement(&open_count);
    return calloc(1, sizeof(object));
}

__declspec(dllexport) HANDLE WINAPI EvtQuery(HANDLE session, const WCHAR *path, const WCHAR *query, DWORD flags)
{
    char name[MAX_PATH];
    if (session != NULL || flags != CHANNEL_PATH_REVERSED) {
        SetLastError(ERROR_INVALID_PARAMETER);
        return NULL;
    }
    snprintf(name, sizeof(name), "C:\\ebpf\\logs\\%ls", path);
    for (char *at = name; *at != 0; at++)
        if (*at == '/')
            *at = '-';
    FILE *file = fopen(name, "rb");
    if (file == NULL) {
        SetLastError(CHANNEL_NOT_FOUND);
        return NULL;
    }
    object *results = make();
    results->file = file;
    snprintf(results->query, sizeof(results->query), "%ls", query);
    return results;
}

static BOOL selects(const char *query, const char *xml)
{
    char text[128];
    const char *provider = strstr(query, "@Name='");
    if (provider == NULL || sscanf(provider, "@Name='%100[^']", text) != 1)
        return FALSE;
    char name[160];
    snprintf(name, sizeof(name), "Provider Name='%s'", text);
    if (strstr(xml, name) == NULL)
        return FALSE;
    BOOL any = FALSE;
    for (const char *at = query; (at = strstr(at, "EventID=")) != NULL; at++) {
        any = TRUE;
        snprintf(name, sizeof(name), ">%d</EventID>", atoi(at + 8));
        if (strstr(xml, name) != NULL)
            return TRUE;
    }
    return !any;
}

__declspec(dllexport) BOOL WINAPI EvtNext(
    HANDLE handle, DWORD size, HANDLE *events, DWORD timeout, DWORD flags, DWORD *returned)
{
    static char line[1 << 16];
    object *results = handle;
    if (size != 1 || flags != 0 || timeout == 0) {
        SetLastError(ERROR_INVALID_PARAMETER);
        return FALSE;
    }
    while (fgets(line, sizeof(line), results->file) != NULL) {
        if (!selects(results->query, line))
            continue;
        line[strcspn(line, "\n")] = 0;
        object *event = make();
        event->xml = strdup(line);
        events[0] = event;
        *returned = 1;
        return TRUE;
    }
    *returned = 0;
    SetLastError(ERROR_NO_MORE_ITEMS);
    return FALSE;
}

__declspec(dllexport) BOOL WINAPI EvtRender(
    HANDLE context, HANDLE handle, DWORD flags, DWORD size, void *buffer, DWORD *used, DWORD *properties)
{
    object *event = handle;
    DWORD count = (DWORD)MultiByteToWideChar(CP_UTF8, 0, event->xml, -1, NULL, 0);
    *used = count * sizeof(WCHAR);
    *properties = 0;
    if (context != NULL || flags != RENDER_EVENT_XML || size < *used) {
        SetLastError(size < *used ? ERROR_INSUFFICIENT_BUFFER : ERROR_INVALID_PARAMETER);
        return FALSE;
    }
    MultiByteToWideChar(CP_UTF8, 0, event->xml, -1, buffer, (int)count);
    return TRUE;
}

__declspec(dllexport) BOOL WINAPI EvtClose(HANDLE handle)
{
    object *closed = handle;
    if (closed->file != NULL)
        fclose(closed->file);
    free(closed->xml);
    free(closed);
    InterlockedDecrement(&open_count);
    return TRUE;
}

BOOL WINAPI DllMain(HINSTANCE instance, DWORD reason, void *reserved)
{
    (void)instance, (void)reserved;
    if (reason == DLL_PROCESS_DETACH && open_count != 0) {
        FILE *file = fopen("C:\\ebpf\\logs\\open", "w");
        if (file != NULL)
            fclose(file);
    }
    return TRUE;
}
