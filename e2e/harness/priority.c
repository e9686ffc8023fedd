// Prints the priority that a datagram has when it arrives over lo: 0, or what net_prio gives the sender's group.
#include <arpa/inet.h>
#include <err.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#ifndef SO_RCVPRIORITY
#define SO_RCVPRIORITY 82 // Linux 6.14
#endif

int main(void) {
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof address;
	int receiver = socket(AF_INET, SOCK_DGRAM, 0), sender = socket(AF_INET, SOCK_DGRAM, 0), on = 1;
	if (setsockopt(receiver, SOL_SOCKET, SO_RCVPRIORITY, &on, sizeof on) < 0)
		errx(77, "the kernel does not tell a receiver the priority");
	if (bind(receiver, (struct sockaddr *)&address, size) < 0 || getsockname(receiver, (struct sockaddr *)&address, &size) < 0)
		err(1, "bind");
	if (sendto(sender, "x", 1, 0, (struct sockaddr *)&address, size) != 1) err(1, "sendto");
	char byte, control[256];
	struct iovec data = { &byte, 1 };
	struct msghdr message = { .msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };
	if (recvmsg(receiver, &message, 0) != 1) err(1, "recvmsg");
	for (struct cmsghdr *each = CMSG_FIRSTHDR(&message); each; each = CMSG_NXTHDR(&message, each))
		if (each->cmsg_level == SOL_SOCKET && each->cmsg_type == SO_PRIORITY) {
			unsigned priority;
			memcpy(&priority, CMSG_DATA(each), sizeof priority);
			printf("%u\n", priority);
			return 0;
		}
	errx(1, "no priority came with the datagram");
}
