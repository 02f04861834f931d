/* For LD_PRELOAD: SIGKILL instead of the KILL_AT-th call that writes, syncs, truncates, removes or sends. Without
   KILL_AT the calls are counted, and their number is written to the file KILL_COUNT at the end. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static atomic_long calls;
static long kill_at;

__attribute__((constructor)) static void begin(void) {
  const char* text = getenv("KILL_AT");
  kill_at = text == NULL ? 0 : atol(text);
}

__attribute__((destructor)) static void end(void) {
  const char* path = getenv("KILL_COUNT");
  FILE* file = path == NULL ? NULL : fopen(path, "w");
  if (file == NULL) return;
  fprintf(file, "%ld\n", atomic_load(&calls));
  fclose(file);
}

static void count(void) {
  if (atomic_fetch_add(&calls, 1) + 1 == kill_at) kill(getpid(), SIGKILL);
}

#define COUNTED(type, name, parameters, arguments)                \
  type name parameters {                                          \
    static type(*real) parameters;                                \
    if (real == NULL) *(void**)(&real) = dlsym(RTLD_NEXT, #name); \
    count();                                                      \
    return real arguments;                                        \
  }

COUNTED(ssize_t, write, (int fd, const void* data, size_t size), (fd, data, size))
COUNTED(ssize_t, pwrite, (int fd, const void* data, size_t size, off_t at), (fd, data, size, at))
COUNTED(ssize_t, pwrite64, (int fd, const void* data, size_t size, off64_t at), (fd, data, size, at))
COUNTED(ssize_t, writev, (int fd, const struct iovec* parts, int n), (fd, parts, n))
COUNTED(int, fsync, (int fd), (fd))
COUNTED(int, fdatasync, (int fd), (fd))
COUNTED(int, ftruncate, (int fd, off_t size), (fd, size))
COUNTED(int, ftruncate64, (int fd, off64_t size), (fd, size))
COUNTED(int, unlink, (const char* path), (path))
COUNTED(ssize_t, send, (int fd, const void* data, size_t size, int flags), (fd, data, size, flags))
COUNTED(ssize_t, sendto, (int fd, const void* data, size_t size, int flags, __CONST_SOCKADDR_ARG to, socklen_t length),
        (fd, data, size, flags, to, length))
COUNTED(ssize_t, sendmsg, (int fd, const struct msghdr* message, int flags), (fd, message, flags))
