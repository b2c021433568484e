// What has to be done inside a program with an icon; desktop.c brings it there.
//
// Wine 8 has no Shell_NotifyIconGetRect, and without the rectangle tray-icon passes over every click: from
// now on the function gives an empty one. And Wine shows the items of a menu to its own process alone:
// those of an open one go into a file.
#define WIN32_LEAN_AND_MEAN
#include <windows.h>
#include <stdio.h>
#include <wchar.h>

static void mend(void) {
    // xor eax,eax; mov [rdx],rax; mov [rdx+8],rax; ret
    static const BYTE code[] = {0x31, 0xc0, 0x48, 0x89, 0x02, 0x48, 0x89, 0x42, 0x08, 0xc3};
    void *function = (void *)GetProcAddress(GetModuleHandle(L"shell32"), "Shell_NotifyIconGetRect");
    DWORD before;
    if (function && VirtualProtect(function, sizeof code, PAGE_EXECUTE_READWRITE, &before))
        memcpy(function, code, sizeof code);
}

static const char *name(UINT state) {
    if (state & MF_SEPARATOR)
        return "separator";
    if (state & MF_GRAYED)
        return "grey";
    return state & MF_CHECKED ? "checked" : "plain";
}

static void list(HWND window) {
    WCHAR path[MAX_PATH];
    HMENU menu = (HMENU)SendMessage(window, MN_GETHMENU, 0, 0);
    GetTempPath(MAX_PATH - 32, path);
    wcscat(path, L"passerelle-menu.txt");
    FILE *file = _wfopen(path, L"wb");
    for (int item = 0; file && item < GetMenuItemCount(menu); item++) {
        WCHAR text[256] = L"";
        char bytes[1024];
        RECT area = {0};
        GetMenuItemRect(window, menu, item, &area);
        GetMenuString(menu, item, text, 256, MF_BYPOSITION);
        WideCharToMultiByte(CP_UTF8, 0, text, -1, bytes, sizeof bytes, NULL, NULL);
        fprintf(file, "%ld %ld %ld %ld %s %s\n", area.left, area.top, area.right, area.bottom,
                name(GetMenuState(menu, item, MF_BYPOSITION)), bytes);
    }
    if (file)
        fclose(file);
}

BOOL WINAPI DllMain(HINSTANCE library, DWORD reason, void *unused) {
    (void)library;
    (void)unused;
    if (reason == DLL_PROCESS_ATTACH) {
        HWND menu = FindWindow(L"#32768", NULL);
        mend();
        if (IsWindowVisible(menu))
            list(menu);
    }
    // It has done what it came for.
    return FALSE;
}
