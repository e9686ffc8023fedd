/*
 * A program in a pseudo-terminal of its own:   pty ROWS COLUMNS PROGRAM [ARGUMENT…]
 *
 * Standard input goes to the terminal, what it shows to standard output. The byte 0xff and two more (rows, columns) change the
 * window's size instead. At the end a line "[exit N]" or "[signal N]".
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

static void must(int result, const char *what)
{
	if (result < 0) {
		perror(what);
		_exit(99);
	}
}

static void resize(int terminal, int rows, int columns)
{
	struct winsize size = { .ws_row = rows, .ws_col = columns };
	must(ioctl(terminal, TIOCSWINSZ, &size), "window size");
}

int main(int argc, char **argv)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), status;
	char line[64];
	if (argc < 4)
		return 99;
	must(master, "pseudo-terminal");
	must(grantpt(master), "grantpt");
	must(unlockpt(master), "unlockpt");
	resize(master, atoi(argv[1]), atoi(argv[2]));
	pid_t pid = fork();
	must(pid, "fork");
	if (pid == 0) {
		must(setsid(), "setsid");
		int slave = open(ptsname(master), O_RDWR);
		must(slave, "slave");
		must(ioctl(slave, TIOCSCTTY, 0), "controlling terminal");
		for (int fd = 0; fd < 3; fd++)
			must(dup2(slave, fd), "dup2");
		if (slave > 2)
			close(slave);
		execvp(argv[3], argv + 3);
		must(-1, argv[3]);
	}
	struct pollfd watched[2] = { { 0, POLLIN, 0 }, { master, POLLIN, 0 } };
	for (;;) {
		unsigned char bytes[4096];
		ssize_t size;
		if (poll(watched, 2, -1) < 0 && errno != EINTR)
			break;
		if (watched[1].revents) {
			size = read(master, bytes, sizeof bytes);
			if (size <= 0)
				break;	/* nobody has the terminal any more */
			must(write(1, bytes, size), "output");
		}
		if (watched[0].revents) {
			size = read(0, bytes, sizeof bytes);
			if (size <= 0) {
				watched[0].fd = -1;
				continue;
			}
			for (ssize_t i = 0; i < size; i++)
				if (bytes[i] == 0xff && i + 2 < size) {
					resize(master, bytes[i + 1], bytes[i + 2]);
					i += 2;
				} else {
					must(write(master, bytes + i, 1), "input");
				}
		}
	}
	must(waitpid(pid, &status, 0), "wait");
	int length = WIFSIGNALED(status) ? snprintf(line, sizeof line, "[signal %d]\n", WTERMSIG(status))
					 : snprintf(line, sizeof line, "[exit %d]\n", WEXITSTATUS(status));
	return write(1, line, length) != length;
}
