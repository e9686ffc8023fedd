/**
 * The newest originals, those of Debian 13, beside the ones that are installed: packages are downloaded and unpacked, never installed.
 * Each program finds its own loader and libraries, so it runs on an older system, too.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { debianMirror, downloadFromDebian, within } from '../debian.ts';
import { cacheFolder, workspaceRoot } from '../workspace.ts';

const SUITE = 'trixie';

/** Programs that tests compare with. */
const PROGRAMS =
  'unshare nsenter lsns mount umount findmnt mountpoint pivot_root setpriv prlimit capsh setcap getcap getpcaps ip ' +
  'cgclassify cgcreate cgdelete cgexec cgget cgset cgsnapshot cgxget cgxset lscgroup lssubsys chroot hostname';

/** The packages that have them, and those with the libraries that they need. */
const PACKAGES =
  'util-linux util-linux-extra mount libmount1 libblkid1 libuuid1 libsmartcols1 libselinux1 libpcre2-8-0 libcap2 libcap2-bin ' +
  'libcap-ng0 cgroup-tools libcgroup3 iproute2 libbpf1 libelf1t64 libmnl0 libtirpc3t64 libxtables12 libdb5.3t64 zlib1g libzstd1 ' +
  'libbsd0 libmd0 libc6 libaudit1 libpam0g libtinfo6 libreadline8t64 libudev1 libsystemd0 coreutils libattr1 libacl1 libgmp10 ' +
  'libssl3t64 hostname libgssapi-krb5-2 libkrb5-3 libk5crypto3 libcom-err2 libkrb5support0 libkeyutils1 libsqlite3-0 libcryptsetup12';

const FOLDERS = ['usr/bin', 'usr/sbin', 'bin', 'sbin'];

const packagesFolder = join(cacheFolder, 'newest', createHash('sha256').update(PACKAGES).digest('hex').slice(0, 12));

/** Where the newest originals are for tests of this workspace. */
export const newestFolder = join(workspaceRoot, 'dist/newest');

/** Programs that unpacking needs, and their packages. */
const needed = { 'apt-get': 'apt', 'dpkg-deb': 'dpkg', patchelf: 'patchelf' } as const;

const isThere = (program: string) => spawnSync(program, ['--version'], { stdio: 'ignore' }).error === undefined;

/** Puts the originals into `folder`/bin, from the packages that `fetchNewest` has downloaded; false where there are none. */
export function unpackNewest(folder: string): boolean {
  if (!existsSync(packagesFolder)) return false;
  const files = join(folder, 'files');
  mkdirSync(files, { recursive: true });
  mkdirSync(join(folder, 'bin'));
  for (const name of readdirSync(packagesFolder)) execFileSync('dpkg-deb', ['-x', join(packagesFolder, name), files]);
  const loader = within(join(files, 'usr/lib'))
    .flatMap(within)
    .find((path) => /^ld-linux.*\.so\.\d+$/.test(basename(path)));
  if (!loader) throw new Error('the packages of the newest originals have no loader');
  const libraries = `${dirname(loader)}:${join(dirname(loader), 'systemd')}`;
  for (const name of PROGRAMS.split(' ')) {
    const file = FOLDERS.map((each) => join(files, each, name)).find((path) => existsSync(path));
    if (!file) throw new Error(`the packages of the newest originals have no ${name}`);
    const program = join(folder, 'bin', name);
    copyFileSync(file, program);
    execFileSync('patchelf', ['--force-rpath', '--set-rpath', libraries, '--set-interpreter', loader, program]);
  }
  return true;
}

function whyNot(): string | undefined {
  const missing = Object.entries(needed).flatMap(([program, name]) => (isThere(program) ? [] : [name]));
  if (missing.length) return `missing: apt-get install ${missing.join(' ')}`;
  return debianMirror() ? undefined : 'no Debian mirror in the lists of packages (NEWEST_MIRROR names one)';
}

/** Downloads and unpacks them, once. Without them tests compare with what is installed. */
export function fetchNewest(): void {
  const mark = join(newestFolder, basename(packagesFolder));
  if (existsSync(mark)) return;
  const reason = whyNot();
  if (reason) {
    console.log(`the newest originals are not compared with: ${reason}`);
    return;
  }
  try {
    if (!existsSync(packagesFolder))
      downloadFromDebian('deb', debianMirror() as string, SUITE, ['download', ...PACKAGES.split(' ')], packagesFolder);
    rmSync(newestFolder, { recursive: true, force: true });
    unpackNewest(newestFolder);
    writeFileSync(mark, '');
  } catch (error) {
    rmSync(newestFolder, { recursive: true, force: true });
    console.log(`the newest originals are not compared with: ${(error as Error).message.split('\n')[0]}`);
  }
}
