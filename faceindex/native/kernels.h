/* What all kernels share. Built by hatch_build.py, which defines FI_VERSION, and FI_CLONES where the compiler knows
 * function multiversioning: then FI_HOT functions are compiled for several processors and chosen when loaded. */
#ifndef FI_KERNELS_H
#define FI_KERNELS_H

#define FI_EXPORT __attribute__((visibility("default")))

#if defined(FI_CLONES) && defined(__x86_64__)
#define FI_HOT __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define FI_HOT
#endif

#endif
