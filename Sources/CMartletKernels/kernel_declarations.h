// Every kernel of every ISA, made from the list; an ISA defines those it has and its table names them.

#ifndef MARTLET_KERNEL_DECLARATIONS_H
#define MARTLET_KERNEL_DECLARATIONS_H

#include "martlet_kernels.h"

#define MARTLET_KERNEL(name, params)                           \
  void martlet_##name##_scalar(const params *arguments);       \
  void martlet_##name##_avx2(const params *arguments);         \
  void martlet_##name##_avxvnni(const params *arguments);      \
  void martlet_##name##_avx512vnni(const params *arguments);   \
  void martlet_##name##_neon(const params *arguments);         \
  void martlet_##name##_neon_dotprod(const params *arguments); \
  void martlet_##name##_neon_i8mm(const params *arguments);
#include "kernels.def"
#undef MARTLET_KERNEL

extern const martlet_kernels martlet_kernels_scalar;
extern const martlet_kernels martlet_kernels_avx2;
extern const martlet_kernels martlet_kernels_avxvnni;
extern const martlet_kernels martlet_kernels_avx512vnni;
extern const martlet_kernels martlet_kernels_neon;
extern const martlet_kernels martlet_kernels_neon_dotprod;
extern const martlet_kernels martlet_kernels_neon_i8mm;

#endif
