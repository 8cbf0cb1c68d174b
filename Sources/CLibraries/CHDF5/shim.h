// libhdf5 for Swift, which cannot see its macros: each function below is one call of the library whose name or
// constant is a macro, or a short walk over a callback. Nothing is decided here.

#ifndef MARTLET_CHDF5_SHIM_H
#define MARTLET_CHDF5_SHIM_H

#include <errno.h>
#include <fcntl.h>
#include <hdf5.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/// Keeps the library from printing its errors.
static inline void martlet_h5_silence(void) { H5Eset_auto2(H5E_DEFAULT, NULL, NULL); }

static inline herr_t martlet_h5_keep_first(unsigned n, const H5E_error2_t *error, void *context) {
  (void)n;
  char *text = (char *)context;
  if (text[0] == 0 && error->desc != NULL) strncpy(text, error->desc, 199);
  return 0;
}

/// The innermost error of the last call, at most 199 characters, into 200 bytes of zeros.
static inline void martlet_h5_reason(char *text) {
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, martlet_h5_keep_first, text);
}

static inline hid_t martlet_h5_open_file(const char *path) {
  return H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
}

/// A file in memory only, growing by 1 MiB.
static inline hid_t martlet_h5_create_image(const char *name) {
  hid_t access = H5Pcreate(H5P_FILE_ACCESS);
  if (access < 0) return access;
  hid_t file = H5Pset_fapl_core(access, 1 << 20, 0) < 0
      ? -1 : H5Fcreate(name, H5F_ACC_TRUNC, H5P_DEFAULT, access);
  H5Pclose(access);
  return file;
}

/// The address of an object, which names it within its file, and whether it is a group or a data set.
static inline herr_t martlet_h5_object(
    hid_t place, const char *name, uint64_t *address, bool *is_group, bool *is_data_set) {
#if H5_VERSION_GE(1, 12, 0)
  H5O_info1_t info;
#else
  H5O_info_t info;
#endif
  herr_t code = H5Oget_info_by_name2(place, name, &info, H5O_INFO_BASIC, H5P_DEFAULT);
  if (code < 0) return code;
  *address = (uint64_t)info.addr;
  *is_group = info.type == H5O_TYPE_GROUP;
  *is_data_set = info.type == H5O_TYPE_DATASET;
  return code;
}

/// Whether a link is the plain kind that an object hangs on.
static inline herr_t martlet_h5_link(hid_t place, const char *name, bool *is_hard) {
#if H5_VERSION_GE(1, 12, 0)
  H5L_info1_t info;
  herr_t code = H5Lget_info1(place, name, &info, H5P_DEFAULT);
#else
  H5L_info_t info;
  herr_t code = H5Lget_info(place, name, &info, H5P_DEFAULT);
#endif
  if (code >= 0) *is_hard = info.type == H5L_TYPE_HARD;
  return code;
}

static inline herr_t martlet_h5_link_count(hid_t group, uint64_t *count) {
  H5G_info_t info;
  herr_t code = H5Gget_info(group, &info);
  if (code >= 0) *count = info.nlinks;
  return code;
}

/// The name of a link by its position in the order of names; returns its length, or below 0.
static inline ssize_t martlet_h5_link_name(hid_t group, uint64_t index, char *name, size_t size) {
  return H5Lget_name_by_idx(group, ".", H5_INDEX_NAME, H5_ITER_INC, index, name, size, H5P_DEFAULT);
}

/// There is no copy of the process.
static const int MARTLET_H5_NO_COPY = -1;
/// The copy ended by itself before the end of the body.
static const int MARTLET_H5_ENDED = -2;

/// Runs `body` in a copy of this process, which can crash or hang without harm: damaged files bring the library to both.
///
/// Returns 0 when the copy came to the end of the body, the signal that ended it, or one of the two above.
static inline int martlet_h5_rehearse(void (*body)(void *), void *context, unsigned seconds) {
  pid_t child = fork();
  if (child < 0) return MARTLET_H5_NO_COPY;
  if (child == 0) {
    for (int number = 1; number < 32; number++) signal(number, SIG_DFL);
    struct rlimit none = {0, 0};
    struct rlimit time = {seconds, seconds};
    setrlimit(RLIMIT_CORE, &none);
    setrlimit(RLIMIT_CPU, &time);
    int silence = open("/dev/null", O_WRONLY);
    if (silence >= 0) {
      dup2(silence, 1);
      dup2(silence, 2);
    }
    body(context);
    _exit(0);
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return MARTLET_H5_NO_COPY;
  }
  if (WIFSIGNALED(status)) return WTERMSIG(status);
  return WEXITSTATUS(status) == 0 ? 0 : MARTLET_H5_ENDED;
}

/// A data set as a file's own numbers, little-endian.
static inline hid_t martlet_h5_type(bool is_float, bool is_signed, size_t size) {
  if (is_float) return H5T_IEEE_F32LE;
  if (size == 1) return H5T_STD_U8LE;
  return is_signed ? H5T_STD_I64LE : H5T_STD_U64LE;
}

#endif
