/** Packages of another Debian release, downloaded as any user and never installed. */
import { execFileSync } from 'node:child_process';
import {
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
import { dirname, join } from 'node:path';

/** Paths of what is in a folder; none where it is no folder. */
export const within = (folder: string): string[] =>
  statSync(folder, { throwIfNoEntry: false })?.isDirectory()
    ? readdirSync(folder).map((name) => join(folder, name))
    : [];

/** The mirror that this machine's own lists of packages name, where it is one of Debian. */
export function debianMirror(): string | undefined {
  const lists = ['/etc/apt/sources.list', ...within('/etc/apt/sources.list.d')].filter((file) => existsSync(file));
  const found = lists.map((file) => /https?:\/\/\S+\/debian\/?(?=\s)/.exec(readFileSync(file, 'utf8'))?.[0]);
  return process.env.NEWEST_MIRROR ?? found.find((each) => each !== undefined);
}

/**
 * Downloads with apt-get into a folder that is there afterwards with all of it, or not at all.
 *
 * @param kind `deb` for packages, `deb-src` for their sources.
 * @param suite Name of the release.
 * @param words What apt-get is asked for, in a folder of its own.
 * @throws Error of the command that failed; apt-get has said why.
 */
export function downloadFromDebian(
  kind: 'deb' | 'deb-src',
  mirror: string,
  suite: string,
  words: readonly string[],
  to: string,
): void {
  mkdirSync(dirname(to), { recursive: true });
  const folder = mkdtempSync(`${to}.`);
  try {
    for (const name of ['lists/partial', 'cache/archives/partial', 'packages'])
      mkdirSync(join(folder, name), { recursive: true });
    writeFileSync(
      join(folder, 'sources.list'),
      `${kind} [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ${mirror} ${suite} main\n`,
    );
    const options = [
      `Dir::Etc::SourceList=${folder}/sources.list`,
      'Dir::Etc::SourceParts=/dev/null',
      `Dir::State::Lists=${folder}/lists`,
      `Dir::Cache=${folder}/cache`,
      `APT::Sandbox::User=${userInfo().username}`,
    ].flatMap((option) => ['-o', option]);
    const apt = (...rest: string[]) =>
      execFileSync('apt-get', ['-qq', ...options, ...rest], {
        cwd: join(folder, 'packages'),
        stdio: ['ignore', 'ignore', 'inherit'],
      });
    apt('update');
    apt(...words);
    renameSync(join(folder, 'packages'), to);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
