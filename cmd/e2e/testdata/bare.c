/*
 * bare: the least that a program can do which reads what the agent reads. It
 * wakes up HZ times a second and reads eight files of the kernel, and does
 * nothing with what they say. When it is told to end it prints how many of its
 * wake-ups came within a millisecond of their deadline.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t over;

static void end(int sig) { (void)sig; over = 1; }

int main(int argc, char **argv)
{
	static const char *const names[] = {
		"/proc/stat", "/proc/meminfo", "/proc/net/dev", "/proc/diskstats", "/proc/loadavg",
		"/proc/pressure/cpu", "/proc/pressure/memory", "/proc/pressure/io",
	};
	enum { files = sizeof names / sizeof *names };
	static char text[1 << 16];
	long period, prompt = 0, all = 0;
	int fds[files], timer, i;
	struct timespec begin, now;
	struct itimerspec when;
	struct sigaction act = { .sa_handler = end };
	uint64_t n, due = 0;

	if (argc != 2 || atoi(argv[1]) < 1) {
		fprintf(stderr, "usage: bare HZ\n");
		return 2;
	}
	period = 1000000000L / atoi(argv[1]);
	sigaction(SIGTERM, &act, NULL);
	for (i = 0; i < files; i++)
		fds[i] = open(names[i], O_RDONLY);
	clock_gettime(CLOCK_MONOTONIC, &begin);
	begin.tv_sec++;
	when.it_value = begin;
	when.it_interval.tv_sec = period / 1000000000L;
	when.it_interval.tv_nsec = period % 1000000000L;
	timer = timerfd_create(CLOCK_MONOTONIC, 0);
	if (timer < 0 || timerfd_settime(timer, TFD_TIMER_ABSTIME, &when, NULL) < 0) {
		perror("timer");
		return 1;
	}
	while (!over && read(timer, &n, sizeof n) == sizeof n) {
		clock_gettime(CLOCK_MONOTONIC, &now);
		due += n;
		if ((now.tv_sec - begin.tv_sec) * 1000000000L + now.tv_nsec - begin.tv_nsec - (long)(due - 1) * period <= 1000000)
			prompt++;
		all += n;
		for (i = 0; i < files; i++)
			if (pread(fds[i], text, sizeof text, 0) < 0) {
				perror(names[i]);
				return 1;
			}
	}
	printf("prompt %ld of %ld\n", prompt, all);
	return 0;
}
