// The x86 intrinsics and the switch that turns an instruction set on for the functions of a file:
//
//   #include "../martlet_intrinsics.h"
//   MARTLET_BEGIN_TARGET("avx2,fma,f16c")
//   …
//   MARTLET_END_TARGET
//
// The tests compile avx512vnni/ a second time over SIMDe, with their own header in place of this one.

#ifndef MARTLET_INTRINSICS_H
#define MARTLET_INTRINSICS_H

#include <immintrin.h>

#define MARTLET_PRAGMA(text) _Pragma(#text)
#if defined(__clang__)
#define MARTLET_BEGIN_TARGET(features) \
  MARTLET_PRAGMA(clang attribute push(__attribute__((target(features))), apply_to = function))
#define MARTLET_END_TARGET _Pragma("clang attribute pop")
#else
#define MARTLET_BEGIN_TARGET(features) \
  _Pragma("GCC push_options") MARTLET_PRAGMA(GCC target(features))
#define MARTLET_END_TARGET _Pragma("GCC pop_options")
#endif

/// Small functions of a kernel file, always merged into their caller.
#define MARTLET_INLINE static inline __attribute__((always_inline))

/// Ahead of a loop of constant length that must become straight code.
#if defined(__clang__)
#define MARTLET_UNROLL _Pragma("clang loop unroll(full)")
#else
#define MARTLET_UNROLL _Pragma("GCC unroll 64")
#endif

/// Makes the compiler forget how a pointer came about, so that it does not keep its neighbors in registers.
#define MARTLET_OPAQUE(pointer) __asm__("" : "+r"(pointer))

/// Makes the compiler believe that a register's value is used.
#define MARTLET_KEEP(value) __asm__ volatile("" : : "v"(value))

#endif
