/**
 * The newest originals, those of Debian 13, beside the ones that are installed: packages are downloaded and unpacked, never installed.
 * Each program finds its own loader and libraries, so it runs on an older system, too.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { userInfo } from 'node:os';
import { basename, dirname, join } from 'node:path';
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

/** Paths of what is in a folder; none where it is no folder. */
const within = (folder: string) =>
  statSync(folder, { throwIfNoEntry: false })?.isDirectory()
    ? readdirSync(folder).map((name) => join(folder, name))
    : [];

const isThere = (program: string) => spawnSync(program, ['--version'], { stdio: 'ignore' }).error === undefined;

/** The mirror that this machine's own lists of packages name, where it is one of Debian. */
export function debianMirror(): string | undefined {
  const lists = ['/etc/apt/sources.list', ...within('/etc/apt/sources.list.d')].filter((file) => existsSync(file));
  const found = lists.map((file) => /https?:\/\/\S+\/debian\/?(?=\s)/.exec(readFileSync(file, 'utf8'))?.[0]);
  return process.env.NEWEST_MIRROR ?? found.find((each) => each !== undefined);
}

function download(from: string): void {
  mkdirSync(dirname(packagesFolder), { recursive: true });
  const folder = mkdtempSync(`${packagesFolder}.`);
  for (const name of ['lists/partial', 'cache/archives/partial', 'packages'])
    mkdirSync(join(folder, name), { recursive: true });
  writeFileSync(
    join(folder, 'sources.list'),
    `deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ${from} ${SUITE} main\n`,
  );
  const options = [
    `Dir::Etc::SourceList=${folder}/sources.list`,
    'Dir::Etc::SourceParts=/dev/null',
    `Dir::State::Lists=${folder}/lists`,
    `Dir::Cache=${folder}/cache`,
    `APT::Sandbox::User=${userInfo().username}`,
  ].flatMap((option) => ['-o', option]);
  const apt = (...words: string[]) =>
    execFileSync('apt-get', ['-qq', ...options, ...words], {
      cwd: join(folder, 'packages'),
      stdio: ['ignore', 'ignore', 'inherit'],
    });
  try {
    apt('update');
    apt('download', ...PACKAGES.split(' '));
    renameSync(join(folder, 'packages'), packagesFolder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

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
    if (!existsSync(packagesFolder)) download(debianMirror() as string);
    rmSync(newestFolder, { recursive: true, force: true });
    unpackNewest(newestFolder);
    writeFileSync(mark, '');
  } catch (error) {
    rmSync(newestFolder, { recursive: true, force: true });
    console.log(`the newest originals are not compared with: ${(error as Error).message.split('\n')[0]}`);
  }
}
