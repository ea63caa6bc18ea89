/* A disk that forgets what was not synced, for the files of one folder: preloaded into a process, it notes before
 * every write how to undo it, and drops the notes of a file when the file is synced. After the process was killed,
 * whoever undoes what is noted (power.rs), newest first, has the disk as a loss of power would have left it.
 *
 * FORGETFUL_FOLDER   the folder, absolute; shared memory files (-shm) are left out, they never outlive a machine
 * FORGETFUL_NOTES    where the notes go, one file each: NAME.undo
 * FORGETFUL_PAUSE_US how long a sync takes beside what it takes
 * FORGETFUL_LIES     if set, syncing drops no notes: a disk that says "synced" and is not
 *
 * A note is four little-endian 64-bit numbers (mark, offset, length of the file before, bytes that follow), then the
 * old bytes. Everything here calls the system directly, so that it never meets itself. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define MARK 0x6c75666574676f66ULL
#define MOST_FILES 4096

static char folder[PATH_MAX];
static char notes[PATH_MAX];
static int lies;
static useconds_t pause_us;
/* The descriptor of the notes of an open file, by the file's own; 0 for files that are none of ours. */
static int notes_of[MOST_FILES];
/* Between a note and its write, and between a sync and the dropping of notes, nobody else may write. */
static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;

__attribute__((constructor)) static void read_environment(void) {
    const char *where = getenv("FORGETFUL_FOLDER");
    const char *into = getenv("FORGETFUL_NOTES");
    if (where && into) {
        snprintf(folder, sizeof folder, "%s/", where);
        snprintf(notes, sizeof notes, "%s/", into);
    }
    const char *pause = getenv("FORGETFUL_PAUSE_US");
    pause_us = pause ? (useconds_t)atoi(pause) : 0;
    lies = getenv("FORGETFUL_LIES") != NULL;
}

/* The path of the notes of this file; 0 if it is none of ours. */
static int notes_path(const char *path, char *into, size_t size) {
    size_t length = strlen(folder), whole = strlen(path);
    if (!length || strncmp(path, folder, length) || strchr(path + length, '/')) return 0;
    if (whole > 4 && !strcmp(path + whole - 4, "-shm")) return 0;
    return (size_t)snprintf(into, size, "%s%s.undo", notes, path + length) < size;
}

/* What cannot be noted cannot be undone: the trial would prove nothing. */
static void give_up(const char *what) {
    char line[256];
    int length = snprintf(line, sizeof line, "forgetful: %s: %s\n", what, strerror(errno));
    syscall(SYS_write, 2, line, length);
    abort();
}

static void follow(int fd) {
    char link[64], path[PATH_MAX], into[2 * PATH_MAX];
    struct stat status;
    if (fd < 0 || fd >= MOST_FILES) return;
    notes_of[fd] = 0;
    if (!folder[0] || fstat(fd, &status) || !S_ISREG(status.st_mode)) return;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length <= 0) return;
    path[length] = 0;
    if (!notes_path(path, into, sizeof into)) return;
    int kept = syscall(SYS_openat, AT_FDCWD, into, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (kept < 0) give_up("cannot open the notes");
    notes_of[fd] = kept;
}

static int is_ours(int fd) { return fd >= 0 && fd < MOST_FILES && notes_of[fd] > 0; }

static uint64_t size_of(int fd) {
    struct stat status;
    if (fstat(fd, &status)) give_up("cannot measure a file");
    return (uint64_t)status.st_size;
}

/* Notes how to undo a change of `count` bytes from `offset` on. */
static void note(int fd, uint64_t offset, uint64_t count) {
    int saved = errno;
    uint64_t before = size_of(fd);
    uint64_t end = offset + count < before ? offset + count : before;
    uint64_t old = offset < end ? end - offset : 0;
    uint64_t head[4] = {MARK, offset, before, old};
    char *whole = malloc(sizeof head + old);
    if (!whole) give_up("no memory for a note");
    memcpy(whole, head, sizeof head);
    if (old) {
        char link[64];
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        /* The file itself may be open for writing only. */
        int again = syscall(SYS_openat, AT_FDCWD, link, O_RDONLY | O_CLOEXEC);
        if (again < 0 || syscall(SYS_pread64, again, whole + sizeof head, old, offset) != (long)old)
            give_up("cannot read what is to be overwritten");
        syscall(SYS_close, again);
    }
    if (syscall(SYS_write, notes_of[fd], whole, sizeof head + old) != (long)(sizeof head + old))
        give_up("cannot write a note");
    free(whole);
    errno = saved;
}

static int open_file(int at, const char *path, int flags, mode_t mode) {
    /* Emptied by hand below, once it is known what it held. */
    int fd = syscall(SYS_openat, at, path, flags & ~O_TRUNC, mode);
    follow(fd);
    if (fd >= 0 && (flags & O_TRUNC)) {
        pthread_mutex_lock(&turn);
        if (is_ours(fd)) note(fd, 0, size_of(fd));
        /* A device cannot be emptied, and O_TRUNC does not mind. */
        int saved = errno;
        syscall(SYS_ftruncate, fd, 0L);
        errno = saved;
        pthread_mutex_unlock(&turn);
    }
    return fd;
}

#define MODE_OF(flags, mode)                                  \
    mode_t mode = 0;                                          \
    if (((flags) & O_CREAT) || ((flags) & O_TMPFILE) == O_TMPFILE) { \
        va_list rest;                                         \
        va_start(rest, flags);                                \
        mode = va_arg(rest, mode_t);                          \
        va_end(rest);                                         \
    }

int open(const char *path, int flags, ...) {
    MODE_OF(flags, mode)
    return open_file(AT_FDCWD, path, flags, mode);
}

int open64(const char *path, int flags, ...) {
    MODE_OF(flags, mode)
    return open_file(AT_FDCWD, path, flags, mode);
}

int openat(int at, const char *path, int flags, ...) {
    MODE_OF(flags, mode)
    return open_file(at, path, flags, mode);
}

int openat64(int at, const char *path, int flags, ...) {
    MODE_OF(flags, mode)
    return open_file(at, path, flags, mode);
}

int close(int fd) {
    if (is_ours(fd)) {
        syscall(SYS_close, notes_of[fd]);
        notes_of[fd] = 0;
    }
    return syscall(SYS_close, fd);
}

/* Where write() would write: at the end of a file opened for appending, else where the file stands. */
static uint64_t place(int fd) {
    if (fcntl(fd, F_GETFL) & O_APPEND) return size_of(fd);
    return (uint64_t)lseek(fd, 0, SEEK_CUR);
}

ssize_t write(int fd, const void *bytes, size_t count) {
    if (!is_ours(fd)) return syscall(SYS_write, fd, bytes, count);
    pthread_mutex_lock(&turn);
    note(fd, place(fd), count);
    ssize_t written = syscall(SYS_write, fd, bytes, count);
    pthread_mutex_unlock(&turn);
    return written;
}

ssize_t writev(int fd, const struct iovec *parts, int number) {
    if (!is_ours(fd)) return syscall(SYS_writev, fd, parts, number);
    uint64_t count = 0;
    for (int part = 0; part < number; part++) count += parts[part].iov_len;
    pthread_mutex_lock(&turn);
    note(fd, place(fd), count);
    ssize_t written = syscall(SYS_writev, fd, parts, number);
    pthread_mutex_unlock(&turn);
    return written;
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t offset) {
    if (!is_ours(fd)) return syscall(SYS_pwrite64, fd, bytes, count, offset);
    pthread_mutex_lock(&turn);
    note(fd, (uint64_t)offset, count);
    ssize_t written = syscall(SYS_pwrite64, fd, bytes, count, offset);
    pthread_mutex_unlock(&turn);
    return written;
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset) { return pwrite64(fd, bytes, count, offset); }

int ftruncate64(int fd, off64_t length) {
    if (!is_ours(fd)) return syscall(SYS_ftruncate, fd, length);
    pthread_mutex_lock(&turn);
    uint64_t before = size_of(fd);
    note(fd, (uint64_t)length, before > (uint64_t)length ? before - (uint64_t)length : 0);
    int outcome = syscall(SYS_ftruncate, fd, length);
    pthread_mutex_unlock(&turn);
    return outcome;
}

int ftruncate(int fd, off_t length) { return ftruncate64(fd, length); }

int fallocate64(int fd, int mode, off64_t offset, off64_t length) {
    if (!is_ours(fd)) return syscall(SYS_fallocate, fd, mode, offset, length);
    pthread_mutex_lock(&turn);
    note(fd, (uint64_t)offset, (uint64_t)length);
    int outcome = syscall(SYS_fallocate, fd, mode, offset, length);
    pthread_mutex_unlock(&turn);
    return outcome;
}

int fallocate(int fd, int mode, off_t offset, off_t length) { return fallocate64(fd, mode, offset, length); }

int posix_fallocate64(int fd, off64_t offset, off64_t length) {
    return fallocate64(fd, 0, offset, length) ? errno : 0;
}

int posix_fallocate(int fd, off_t offset, off_t length) { return posix_fallocate64(fd, offset, length); }

static int sync_file(int fd, long call) {
    if (!is_ours(fd)) return syscall(call, fd);
    usleep(pause_us);
    if (lies) return syscall(call, fd);
    pthread_mutex_lock(&turn);
    int outcome = syscall(call, fd);
    if (!outcome && syscall(SYS_ftruncate, notes_of[fd], 0L)) give_up("cannot drop the notes");
    pthread_mutex_unlock(&turn);
    return outcome;
}

int fsync(int fd) { return sync_file(fd, SYS_fsync); }

int fdatasync(int fd) { return sync_file(fd, SYS_fdatasync); }

int unlink(const char *path) {
    char into[2 * PATH_MAX];
    int outcome = syscall(SYS_unlinkat, AT_FDCWD, path, 0);
    if (!outcome && notes_path(path, into, sizeof into)) {
        /* Nothing is left to undo; there may never have been a note. */
        int saved = errno;
        syscall(SYS_unlinkat, AT_FDCWD, into, 0);
        errno = saved;
    }
    return outcome;
}
