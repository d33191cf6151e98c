/* Which sources this library was built from; the loader compares. */
#include "kernels.h"

FI_EXPORT int fi_version(void);

int fi_version(void) { return FI_VERSION; }
