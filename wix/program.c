/* A Windows program of the package. Everything it does is in passerelle.dll, which stands beside it;
 * ENTRY, given by scripts/build-windows, says which of the two it is. */

__declspec(dllimport) int ENTRY(void);

int main(void)
{
    return ENTRY();
}
