/* Faults of the operating system, for one process: LD_PRELOAD=shim.so FAULTS_CONTROL=page promethios serve
 *
 * The page is a file of 512 bytes that the test and this library map; `Faults` in shim.py lays it out alike.
 * The test writes which operation, on which files, from the n-th on, and last of all `armed`.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum operation { WRITE = 1, SYNC = 2, SEND = 3, THREAD = 4 };
enum action { KILL_BEFORE = 1, KILL_AFTER = 2, FAIL = 3, TEAR = 4, LOSE = 5 };

struct page {
    int32_t armed;     /* an operation, or 0 */
    int32_t action;
    int32_t error;     /* errno, for FAIL */
    int32_t countdown; /* how many pass before it happens */
    int32_t times;     /* how often FAIL happens; -1 is until disarmed */
    int32_t happened;
    int32_t loaded;    /* set here: the library is in the process */
    int32_t spare;
    int64_t seconds;   /* added to the wall clock */
    char files[256];   /* fnmatch(3) on what /proc/self/fd says */
};

static struct page *page;

__attribute__((constructor)) static void load(void) {
    const char *name = getenv("FAULTS_CONTROL");
    int fd = name ? open(name, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0)
        return;
    void *found = mmap(NULL, sizeof(struct page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (found != MAP_FAILED) {
        page = found;
        page->loaded = 1;
    }
}

static int concerns(int fd) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t size = readlink(link, path, sizeof path - 1);
    if (size < 0)
        return 0;
    path[size] = 0;
    return fnmatch(page->files, path, 0) == 0;
}

/* What is to happen to this call, now: an action or 0. */
static int fate(int operation, int fd) {
    if (!page || __atomic_load_n(&page->armed, __ATOMIC_ACQUIRE) != operation)
        return 0;
    int kept = errno;
    int ours = fd < 0 || concerns(fd);
    errno = kept;
    if (!ours || __atomic_fetch_sub(&page->countdown, 1, __ATOMIC_ACQ_REL) > 0)
        return 0;
    if ((page->action == FAIL || page->action == LOSE) && page->times >= 0 && __atomic_fetch_sub(&page->times, 1, __ATOMIC_ACQ_REL) <= 0)
        return page->times = 0;
    __atomic_fetch_add(&page->happened, 1, __ATOMIC_ACQ_REL);
    return page->action;
}

/* What was written since the last sync of the files concerned: a disk that fails to sync may lose it. */
static struct { off_t at; size_t size; } dirty[4096];
static int dirty_count;
static pthread_mutex_t dirty_lock = PTHREAD_MUTEX_INITIALIZER;

static void remember(int fd, size_t size, off_t at) {
    if (!page || page->armed != SYNC || page->action != LOSE || !concerns(fd))
        return;
    pthread_mutex_lock(&dirty_lock);
    if (dirty_count < 4096) {
        dirty[dirty_count].at = at;
        dirty[dirty_count++].size = size;
    }
    pthread_mutex_unlock(&dirty_lock);
}

static void synced(int fd, int lost) {
    static const char zeros[65536];
    if (!page || page->armed != SYNC || !concerns(fd))
        return;
    pthread_mutex_lock(&dirty_lock);
    for (int i = 0; lost && i < dirty_count; i++)
        for (size_t done = 0; done < dirty[i].size; done += sizeof zeros) {
            size_t left = dirty[i].size - done;
            syscall(SYS_pwrite64, fd, zeros, left < sizeof zeros ? left : sizeof zeros, dirty[i].at + done);
        }
    dirty_count = 0;
    pthread_mutex_unlock(&dirty_lock);
}

static void end(void) {
    kill(getpid(), SIGKILL);
    for (;;)
        pause();
}

#define REAL(name) \
    static __typeof__(name) *real; \
    if (!real) \
        real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

#define GUARD(operation, fd, result, failure) \
    int what = fate(operation, fd); \
    if (what == KILL_BEFORE) \
        end(); \
    if (what == FAIL || what == LOSE) { \
        errno = page->error; \
        return failure; \
    } \
    result; \
    if (what == KILL_AFTER) \
        end()

#define WRITES(name, whole, half) \
    { \
        REAL(name); \
        GUARD(WRITE, fd, if (what == TEAR) { half; end(); } ssize_t done = whole, -1); \
        return done; \
    }

ssize_t write(int fd, const void *data, size_t size) WRITES(write, real(fd, data, size), real(fd, data, size / 2))
ssize_t pwrite(int fd, const void *data, size_t size, off_t at)
    WRITES(pwrite, (remember(fd, size, at), real(fd, data, size, at)), real(fd, data, size / 2, at))
ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at)
    WRITES(pwrite64, (remember(fd, size, at), real(fd, data, size, at)), real(fd, data, size / 2, at))

/* The first half of what is scattered, at a place in the file, or at its own where that is negative. */
static ssize_t half_of(int fd, const struct iovec *parts, int count, off_t at) {
    size_t left = 0;
    for (int i = 0; i < count; i++)
        left += parts[i].iov_len;
    left /= 2;
    for (int i = 0; i < count && left; i++) {
        size_t size = parts[i].iov_len < left ? parts[i].iov_len : left;
        if (at < 0)
            syscall(SYS_write, fd, parts[i].iov_base, size);
        else
            syscall(SYS_pwrite64, fd, parts[i].iov_base, size, at), at += size;
        left -= size;
    }
    return 0;
}

static void remember_all(int fd, const struct iovec *parts, int count, off_t at) {
    for (int i = 0; i < count; at += parts[i++].iov_len)
        remember(fd, parts[i].iov_len, at);
}

ssize_t writev(int fd, const struct iovec *parts, int count)
    WRITES(writev, real(fd, parts, count), half_of(fd, parts, count, -1))

#define SCATTERED(name, offset) \
    ssize_t name(int fd, const struct iovec *parts, int count, offset at) \
        WRITES(name, (remember_all(fd, parts, count, at), real(fd, parts, count, at)), half_of(fd, parts, count, at))
#define SCATTERED_FLAGGED(name, offset) \
    ssize_t name(int fd, const struct iovec *parts, int count, offset at, int flags) \
        WRITES(name, (remember_all(fd, parts, count, at), real(fd, parts, count, at, flags)), half_of(fd, parts, count, at))

SCATTERED(pwritev, off_t)
SCATTERED(pwritev64, off64_t)
SCATTERED_FLAGGED(pwritev2, off_t)
SCATTERED_FLAGGED(pwritev64v2, off64_t)

#define CALLS(name, operation, call) \
    { \
        REAL(name); \
        GUARD(operation, fd, __typeof__(call) done = call, -1); \
        return done; \
    }

#define SYNCS(name) \
    { \
        REAL(name); \
        GUARD(SYNC, fd, int done = real(fd); synced(fd, 0), (synced(fd, what == LOSE), -1)); \
        return done; \
    }

int fsync(int fd) SYNCS(fsync)
int fdatasync(int fd) SYNCS(fdatasync)
ssize_t send(int fd, const void *data, size_t size, int flags) CALLS(send, SEND, real(fd, data, size, flags))
ssize_t sendmsg(int fd, const struct msghdr *message, int flags) CALLS(sendmsg, SEND, real(fd, message, flags))

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *with) {
    REAL(pthread_create);
    return fate(THREAD, -1) == FAIL ? EAGAIN : real(thread, attributes, start, with);
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    REAL(clock_gettime);
    int done = real(clock, now);
    if (page && clock == CLOCK_REALTIME && done == 0)
        now->tv_sec += page->seconds;
    return done;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    REAL(gettimeofday);
    int done = real(now, zone);
    if (page && done == 0)
        now->tv_sec += page->seconds;
    return done;
}

time_t time(time_t *now) {
    struct timespec clock;
    clock_gettime(CLOCK_REALTIME, &clock);
    return now ? (*now = clock.tv_sec) : clock.tv_sec;
}
