/* Wine 8 has no bcryptprimitives.dll, and Rust's std takes its random numbers from there. */
#include <windows.h>
#include <ntsecapi.h>

BOOL WINAPI ProcessPrng(PBYTE data, SIZE_T size) { return RtlGenRandom(data, (ULONG)size); }
