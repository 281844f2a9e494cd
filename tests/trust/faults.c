/* Preloaded into a process, makes its n-th call of the system or its n-th allocation fail. Only on
   the thread that asked for it, and only once unless `lasting`. For glibc. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum { FAIL = 0, DIE = 1, SHORT = 2 };
enum { EXIT_CODE = 77 };

static __thread int armed;    /* calls are counted */
static __thread long until;   /* so many more, then the fault */
static __thread int action, error, lasting, reads;
static __thread long fired;

static __thread int allocations_armed;
static __thread long allocations_until, allocations_fired;
static long live; /* allocations that were not freed, of all threads */

void faults_arm(long n, int what, int with_error, int for_good, int of_reads) {
  until = n;
  action = what;
  error = with_error;
  lasting = for_good;
  reads = of_reads;
  fired = 0;
  armed = 1;
}

long faults_disarm(void) {
  armed = 0;
  return fired;
}

void faults_arm_allocations(long n) {
  allocations_until = n;
  allocations_fired = 0;
  allocations_armed = 1;
}

long faults_disarm_allocations(void) {
  allocations_armed = 0;
  return allocations_fired;
}

long faults_live(void) { return __atomic_load_n(&live, __ATOMIC_RELAXED); }

static int due(int is_read) {
  if (!armed || is_read != reads) return 0;
  if (--until > 0 || (until < 0 && !lasting)) return 0;
  ++fired;
  if (action == DIE) _exit(EXIT_CODE);
  return 1;
}

static int refused(int is_read) {
  if (!due(is_read)) return 0;
  if (action == SHORT) return 0; /* of writes alone */
  errno = error;
  return 1;
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

#define OPEN(name, declare, pass)                        \
  int name declare {                                     \
    mode_t mode = 0;                                     \
    if (flags & (O_CREAT_FLAG | O_TMPFILE_FLAG)) {       \
      va_list rest;                                      \
      va_start(rest, flags);                             \
      mode = va_arg(rest, mode_t);                       \
      va_end(rest);                                      \
    }                                                    \
    if (refused(0)) return -1;                           \
    return ((int(*) pass)dlsym(RTLD_NEXT, #name)) CALL;  \
  }
#define O_CREAT_FLAG 0100
#define O_TMPFILE_FLAG 020000000

#define CALL (path, flags, mode)
OPEN(open, (const char* path, int flags, ...), (const char*, int, ...))
OPEN(open64, (const char* path, int flags, ...), (const char*, int, ...))
#undef CALL
#define CALL (folder, path, flags, mode)
OPEN(openat, (int folder, const char* path, int flags, ...), (int, const char*, int, ...))
OPEN(openat64, (int folder, const char* path, int flags, ...), (int, const char*, int, ...))
#undef CALL

static size_t shortened(size_t size) { return size > 1 ? size / 2 : size; }

ssize_t write(int file, const void* data, size_t size) {
  if (due(0)) {
    if (action != SHORT) {
      errno = error;
      return -1;
    }
    size = shortened(size);
  }
  return NEXT(write)(file, data, size);
}

ssize_t pwrite64(int file, const void* data, size_t size, off64_t at) {
  if (due(0)) {
    if (action != SHORT) {
      errno = error;
      return -1;
    }
    size = shortened(size);
  }
  return NEXT(pwrite64)(file, data, size, at);
}

ssize_t pwrite(int file, const void* data, size_t size, off_t at) {
  return pwrite64(file, data, size, at);
}

ssize_t writev(int file, const struct iovec* pieces, int count) {
  if (refused(0)) return -1;
  return NEXT(writev)(file, pieces, count);
}

ssize_t read(int file, void* data, size_t size) {
  if (refused(1)) return -1;
  return NEXT(read)(file, data, size);
}

int fsync(int file) { return refused(0) ? -1 : NEXT(fsync)(file); }
int fdatasync(int file) { return refused(0) ? -1 : NEXT(fdatasync)(file); }
int ftruncate64(int file, off64_t size) { return refused(0) ? -1 : NEXT(ftruncate64)(file, size); }
int chmod(const char* path, mode_t mode) { return refused(0) ? -1 : NEXT(chmod)(path, mode); }
int fchmod(int file, mode_t mode) { return refused(0) ? -1 : NEXT(fchmod)(file, mode); }
int rename(const char* from, const char* to) { return refused(0) ? -1 : NEXT(rename)(from, to); }

int renameat(int from_folder, const char* from, int to_folder, const char* to) {
  return refused(0) ? -1 : NEXT(renameat)(from_folder, from, to_folder, to);
}

/* What pthread_atfork calls; refuses where the environment says so. */
int __register_atfork(void (*before)(void), void (*in_parent)(void), void (*in_child)(void),
                      void* library) {
  if (getenv("FAULTS_REFUSE_ATFORK") != NULL) return ENOMEM;
  return NEXT(__register_atfork)(before, in_parent, in_child, library);
}

int close(int file) {
  const int fails = refused(0);
  const int result = NEXT(close)(file); /* a file whose close fails is closed nevertheless */
  if (!fails) return result;
  errno = error;
  return -1;
}

/* glibc's own names, as dlsym allocates. */
void* __libc_malloc(size_t);
void* __libc_calloc(size_t, size_t);
void* __libc_realloc(void*, size_t);
void* __libc_memalign(size_t, size_t);
void __libc_free(void*);

static int out_of_memory(void) {
  if (!allocations_armed || --allocations_until != 0) return 0;
  ++allocations_fired;
  errno = ENOMEM;
  return 1;
}

static void* counted(void* block) {
  if (block != NULL) __atomic_add_fetch(&live, 1, __ATOMIC_RELAXED);
  return block;
}

void* malloc(size_t size) { return out_of_memory() ? NULL : counted(__libc_malloc(size)); }

void* calloc(size_t count, size_t size) {
  return out_of_memory() ? NULL : counted(__libc_calloc(count, size));
}

void* realloc(void* block, size_t size) {
  if (out_of_memory()) return NULL;
  void* const result = __libc_realloc(block, size);
  if (block == NULL) return counted(result);
  if (size == 0 && result == NULL) __atomic_sub_fetch(&live, 1, __ATOMIC_RELAXED);
  return result;
}

void* memalign(size_t alignment, size_t size) {
  return out_of_memory() ? NULL : counted(__libc_memalign(alignment, size));
}

void* aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }

int posix_memalign(void** result, size_t alignment, size_t size) {
  void* const block = memalign(alignment, size);
  if (block == NULL) return ENOMEM;
  *result = block;
  return 0;
}

void free(void* block) {
  if (block != NULL) __atomic_sub_fetch(&live, 1, __ATOMIC_RELAXED);
  __libc_free(block);
}
