// The desktop of Wine as a test sees it, and what Windows would do there. One verb; what it tells are
// lines of text in UTF-8:
//
//   taskbar             left, top, right and bottom of the taskbar
//   windows             class and title of each window that shows, with | between them
//   menu                area, state and text of each item of the menu that is open
//   send CLASS M W L    sends a message to the hidden window of that class, and tells the answer
//   mend                lets the programs that have an icon have clicks on it
//
// `menu` and `mend` take an inside.dll beside this program: what they do has to be done from inside.
#define WIN32_LEAN_AND_MEAN
#include <windows.h>
#include <stdio.h>
#include <wchar.h>

static void print(const WCHAR *text) {
    char bytes[1024];
    WideCharToMultiByte(CP_UTF8, 0, text, -1, bytes, sizeof bytes, NULL, NULL);
    fputs(bytes, stdout);
}

static int taskbar(void) {
    RECT area;
    if (!GetWindowRect(FindWindow(L"Shell_TrayWnd", NULL), &area))
        return 1;
    printf("%ld %ld %ld %ld", area.left, area.top, area.right, area.bottom);
    return 0;
}

static BOOL CALLBACK print_window(HWND window, LPARAM unused) {
    WCHAR class[128], title[256];
    (void)unused;
    if (IsWindowVisible(window)) {
        GetClassName(window, class, 128);
        GetWindowText(window, title, 256);
        print(class);
        putchar('|');
        print(title);
        putchar('\n');
    }
    return TRUE;
}

// Has the window's process load inside.dll, which does its work and is gone again.
static BOOL enter(HWND window) {
    WCHAR path[MAX_PATH];
    DWORD id;
    GetModuleFileName(NULL, path, MAX_PATH);
    wcscpy(wcsrchr(path, L'\\') + 1, L"inside.dll");
    GetWindowThreadProcessId(window, &id);
    HANDLE process = OpenProcess(PROCESS_ALL_ACCESS, FALSE, id);
    void *there = VirtualAllocEx(process, NULL, sizeof path, MEM_COMMIT, PAGE_READWRITE);
    if (!there || !WriteProcessMemory(process, there, path, sizeof path, NULL))
        return FALSE;
    HANDLE thread = CreateRemoteThread(process, NULL, 0, (LPTHREAD_START_ROUTINE)(void *)LoadLibraryW, there, 0, NULL);
    return WaitForSingleObject(thread, 5000) == WAIT_OBJECT_0;
}

static int menu(void) {
    WCHAR path[MAX_PATH];
    char bytes[4096];
    size_t length;
    HWND window = FindWindow(L"#32768", NULL);
    GetTempPath(MAX_PATH - 32, path);
    wcscat(path, L"passerelle-menu.txt");
    DeleteFile(path);
    if (!IsWindowVisible(window) || !enter(window))
        return 1;
    FILE *file = _wfopen(path, L"rb");
    if (!file)
        return 2;
    while ((length = fread(bytes, 1, sizeof bytes, file)) > 0)
        fwrite(bytes, 1, length, stdout);
    return 0;
}

static int tell(WCHAR **arguments) {
    DWORD_PTR answer = 0;
    HWND window = FindWindow(arguments[0], NULL);
    if (!SendMessageTimeout(window, wcstoul(arguments[1], NULL, 0), wcstoul(arguments[2], NULL, 0),
                            wcstoul(arguments[3], NULL, 0), SMTO_ABORTIFHUNG, 5000, &answer))
        return 1;
    printf("%lu", (unsigned long)answer);
    return 0;
}

static int mend(void) {
    HWND window = NULL;
    int count = 0;
    while ((window = FindWindowEx(NULL, window, L"tray_icon_app", NULL)))
        count += enter(window);
    return count ? 0 : 1;
}

int wmain(int count, WCHAR **arguments) {
    if (count == 2 && !wcscmp(arguments[1], L"taskbar"))
        return taskbar();
    if (count == 2 && !wcscmp(arguments[1], L"windows"))
        return !EnumWindows(print_window, 0);
    if (count == 2 && !wcscmp(arguments[1], L"menu"))
        return menu();
    if (count == 6 && !wcscmp(arguments[1], L"send"))
        return tell(arguments + 2);
    if (count == 2 && !wcscmp(arguments[1], L"mend"))
        return mend();
    return 64;
}
