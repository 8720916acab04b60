/* Shows a process a disk that is slow or fails and a wrong time of day, and kills it before or after one of its
   calls that write. It is preloaded; a file that the test writes and the process maps says what happens. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

struct control {
    volatile int64_t sync_delay_ms;
    volatile int64_t syncs_that_fail;
    volatile int64_t clock_ahead_ms;
    volatile int64_t steps_to_live;
};

static struct control none;
static struct control *control = &none;

__attribute__((constructor)) static void open_control(void)
{
    const char *path = getenv("STEPYARD_TEST_CONTROL");
    int file = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (file < 0)
        return;
    void *mapped = mmap(NULL, sizeof none, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (mapped != MAP_FAILED)
        control = mapped;
    close(file);
}

/* A step lies before and after each call that writes. */
static void step(void)
{
    if (control->steps_to_live > 0 && __sync_sub_and_fetch(&control->steps_to_live, 1) == 0)
        kill(getpid(), SIGKILL);
}

static long stepped(long result)
{
    int error = errno;
    step();
    errno = error;
    return result;
}

ssize_t write(int file, const void *bytes, size_t size)
{
    step();
    return stepped(syscall(SYS_write, file, bytes, size));
}

ssize_t pwrite64(int file, const void *bytes, size_t size, off64_t offset)
{
    step();
    return stepped(syscall(SYS_pwrite64, file, bytes, size, offset));
}

ssize_t pwrite(int file, const void *bytes, size_t size, off_t offset)
{
    return pwrite64(file, bytes, size, offset);
}

ssize_t writev(int file, const struct iovec *pieces, int count)
{
    step();
    return stepped(syscall(SYS_writev, file, pieces, count));
}

ssize_t send(int socket, const void *bytes, size_t size, int flags)
{
    step();
    return stepped(syscall(SYS_sendto, socket, bytes, size, flags, NULL, 0));
}

ssize_t sendmsg(int socket, const struct msghdr *message, int flags)
{
    step();
    return stepped(syscall(SYS_sendmsg, socket, message, flags));
}

static int sync_file(int file, long call)
{
    step();
    int64_t delay = control->sync_delay_ms;
    if (delay > 0) {
        struct timespec pause = { delay / 1000, delay % 1000 * 1000000 };
        nanosleep(&pause, NULL);
    }
    if (control->syncs_that_fail > 0) {
        control->syncs_that_fail--;
        errno = EIO;
        return -1;
    }
    return stepped(syscall(call, file));
}

int fsync(int file) { return sync_file(file, SYS_fsync); }
int fdatasync(int file) { return sync_file(file, SYS_fdatasync); }

int clock_gettime(clockid_t clock, struct timespec *time)
{
    int result = syscall(SYS_clock_gettime, clock, time);
    if (result == 0 && clock == CLOCK_REALTIME) {
        int64_t nanoseconds = time->tv_nsec + control->clock_ahead_ms % 1000 * 1000000;
        time->tv_sec += control->clock_ahead_ms / 1000 + nanoseconds / 1000000000;
        time->tv_nsec = nanoseconds % 1000000000;
        if (time->tv_nsec < 0) {
            time->tv_sec--;
            time->tv_nsec += 1000000000;
        }
    }
    return result;
}
