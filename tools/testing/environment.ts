import { spawnSync } from 'node:child_process';
import { fetchNewest } from './originals.ts';
import { run } from './process.ts';

/** What the end-to-end tests use beside Node. */
export const debianPackages: readonly string[] = [
  'gcc',
  'libc6-dev',
  'gcc-aarch64-linux-gnu',
  'libc6-dev-arm64-cross',
  'qemu-user-static',
  'cgroup-tools',
  'libcap2-bin',
  'libseccomp-dev',
  'linux-libc-dev-armhf-cross',
  'iproute2',
  'nftables',
  'linux-perf',
  'uidmap',
  'iputils-ping',
  'procps',
  'util-linux',
  'strace',
  'attr',
  'zstd',
  'libarchive-tools',
  'skopeo',
  'umoci',
  'patchelf',
  'e2fsprogs',
  'xfsprogs',
  'btrfs-progs',
  'dosfstools',
  'exfatprogs',
  'f2fs-tools',
  'ntfs-3g',
  'udftools',
  'genisoimage',
  'xorriso',
  'squashfs-tools',
  'erofs-utils',
  'cryptsetup-bin',
  'fdisk',
];

function exists(program: string): boolean {
  return spawnSync(program, ['--version'], { stdio: 'ignore' }).error === undefined;
}

function isInstalled(name: string): boolean {
  const { stdout } = spawnSync('dpkg', ['-s', name], { encoding: 'utf8' });
  return /^Status: .* installed$/m.test(stdout);
}

const missingOf = (packages: readonly string[]): string[] => packages.filter((name) => !isInstalled(name));

function install(names: string[]): Promise<number> {
  return run('apt-get', ['install', '-y', '--no-install-recommends', ...names], {
    env: { DEBIAN_FRONTEND: 'noninteractive' },
  });
}

// One package that the distribution does not have would keep out all the others.
async function installAsManyAsPossible(names: string[]): Promise<void> {
  if ((await install(names)) === 0) return;
  await run('apt-get', ['update']);
  if ((await install(names)) === 0) return;
  for (const name of names) await install([name]);
}

/**
 * Tests that need what stays missing skip themselves, so a missing package is told and nothing more.
 *
 * @param more Packages beside those that all tests use. @param current Whether the lists of packages are brought up to
 * date in any case: something else will be downloaded.
 */
export async function setUpEnvironment(more: readonly string[] = [], current = false): Promise<void> {
  const packages = [...new Set([...debianPackages, ...more])];
  if (!exists('dpkg')) {
    console.log(`not a Debian system, so these are not checked for: ${packages.join(' ')}`);
    return;
  }
  const missing = missingOf(packages);
  const canInstall = process.getuid?.() === 0 && exists('apt-get');
  if (current && canInstall) await run('apt-get', ['update']);
  if (missing.length > 0 && canInstall) await installAsManyAsPossible(missing);
  const left = missingOf(packages);
  console.log(left.length === 0 ? 'all Debian packages are there' : `missing Debian packages: ${left.join(' ')}`);
  fetchNewest();
}
