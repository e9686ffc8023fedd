import { existsSync, mkdirSync, readdirSync, readlinkSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { OwnGroup, trees } from '../harness/cgroups.ts';
import { isRoot, NOBODY, run, shell, temporaryFolder, uniqueName } from '../harness/run.ts';
import { needs, needsController, needsRoot } from '../harness/skip.ts';
import { sleepingTarget, textOf } from '../harness/target.ts';

const OWN = process.getuid?.() as number;
const ORDINARY = isRoot ? NOBODY : OWN;
const FORMS = [
  { form: 'original names', compat: true, nsenter: 'nsenter', lsns: 'lsns' },
  { form: 'our names', compat: false, nsenter: 'ts-nsenter', lsns: 'ts-lsns' },
] as const;
/** Option and file of each kind. */
const KINDS = {
  mount: 'mnt',
  uts: 'uts',
  ipc: 'ipc',
  net: 'net',
  pid: 'pid',
  user: 'user',
  cgroup: 'cgroup',
  time: 'time',
} as const;

function target(options: readonly string[], uid = OWN): number {
  const made = sleepingTarget(options, uid);
  onTestFinished(() => made[Symbol.dispose]());
  return made.pid;
}

const linkOf = (pid: number | 'self', file: string) => readlinkSync(`/proc/${pid}/ns/${file}`);
const inodeOf = (pid: number | 'self', file: string) => Number(linkOf(pid, file).replace(/\D/g, ''));

describe.each(FORMS)('a namespace by its id, $form', ({ compat, nsenter, lsns }) => {
  const idOf = (pid: number | string, file: string, uid?: number) =>
    shell(`${lsns} -l -n -p ${pid} -t ${file} -o NSID`, { compat, uid }).stdout.trim();
  let own: string | undefined;
  const noIds = () => {
    own ??= idOf(process.pid, 'uts');
    return own ? undefined : 'this kernel gives namespaces no ids';
  };

  test('of every kind, as root', (context) => {
    needs(context, needsRoot, noIds);
    const pid = target(['-UrmuinpCT', '-f']);
    const { stdout: listed } = shell(`${lsns} -l -n -p ${pid} -o TYPE,NSID`, { compat });
    const ids = new Map(
      listed
        .trimEnd()
        .split('\n')
        .map((line) => line.trim().split(/ +/) as [string, string]),
    );
    expect(new Set(ids.values()).size).toBe(8);
    for (const [option, file] of Object.entries(KINDS)) {
      const entered = shell(`${nsenter} --${option}=:${ids.get(file)} readlink /proc/self/ns/${file}`, { compat });
      expect(entered, file).toMatchObject({ stdout: `${linkOf(pid, file)}\n`, stderr: '', status: 0 });
    }
  });
  test('the short option takes it too, and several ids go together', (context) => {
    needs(context, needsRoot, noIds);
    const pid = target(['-un']);
    const words = `-u:${idOf(pid, 'uts')} -n:${idOf(pid, 'net')}`;
    const { stdout } = shell(`${nsenter} ${words} readlink /proc/self/ns/uts /proc/self/ns/net`, { compat });
    expect(stdout).toBe(`${linkOf(pid, 'uts')}\n${linkOf(pid, 'net')}\n`);
  });
  test('as an ordinary user, into a user namespace of its own', (context) => {
    needs(context, noIds);
    const pid = target(['-Urn'], ORDINARY);
    const words = `--user=:${idOf(pid, 'user', ORDINARY)} --net=:${idOf(pid, 'net', ORDINARY)} --preserve-credentials`;
    const { stdout, stderr } = shell(`${nsenter} ${words} readlink /proc/self/ns/user /proc/self/ns/net`, {
      compat,
      uid: ORDINARY,
    });
    expect({ stdout, stderr }).toEqual({ stdout: `${linkOf(pid, 'user')}\n${linkOf(pid, 'net')}\n`, stderr: '' });
  });
  test('one that only a child namespace keeps alive', (context) => {
    needs(context, needsRoot, noIds);
    const pid = target(['-Ur', 'unshare', '-Ur']);
    const listed = shell(`${lsns} -l -n -t user -o NS,NSID -Q 'NS == ${inodeOf(pid, 'user')}'`, { compat });
    expect(listed.stdout.trim()).toMatch(/^\d+ \d+$/);
    const between = JSON.parse(shell(`${lsns} -lJ -t user -o NS,PNS,NSID`, { compat }).stdout).namespaces as {
      ns: number;
      pns: number;
      nsid: number;
    }[];
    const parent = between.find(({ ns }) => ns === between.find((each) => each.ns === inodeOf(pid, 'user'))?.pns);
    const { stdout } = shell(`${nsenter} --user=:${parent?.nsid} readlink /proc/self/ns/user`, { compat });
    expect(stdout).toBe(`user:[${parent?.ns}]\n`);
    expect(parent?.ns).not.toBe(inodeOf('self', 'user'));
  });
  test('of nobody, of another kind, an inode number, no number', (context) => {
    needs(context, needsRoot, noIds);
    const said = (words: string) => shell(`${nsenter} ${words} echo started`, { compat });
    expect(said('--net=:4611686018427387')).toMatchObject({
      status: 1,
      stdout: '',
      stderr: `${nsenter}: cannot open namespace of id 4611686018427387: Stale file handle\n${nsenter}: no namespace that you can see has this id: ts-lsns -o +NSID lists them\n`,
    });
    const uts = idOf(process.pid, 'uts');
    expect(said(`--net=:${uts}`).stderr).toBe(
      `${nsenter}: reassociate to namespace 'ns/net' failed: Invalid argument\n${nsenter}: :${uts} is a uts namespace: --uts enters it\n`,
    );
    expect(said(`--uts=:${inodeOf('self', 'uts')}`).stderr).toContain(`whose id is ${uts}`);
    for (const word of ['', 'x', '1x', '-1', '99999999999999999999'])
      expect(said(`--uts=:${word}`)).toMatchObject({
        status: 1,
        stderr: `${nsenter}: failed to parse nsid: ${word}\n`,
      });
  });
  test('behind another tool, in one process and in two: no descriptor is left over', (context) => {
    needs(context, needsRoot, noIds);
    const pid = target(['-n']);
    const words = `ts-nsenter -n:${idOf(pid, 'net')} -e -t ${pid} sh -c 'readlink /proc/self/ns/net; ls -l /proc/self/fd | grep -cE "pidfd|net:|userns"'`;
    for (const first of ['ts-unshare -u', 'ts-unshare -pf', 'TS_TOOLS_NO_FUSE=1 ts-unshare -u'])
      expect(shell(`${first} ${words}`), first).toMatchObject({ stdout: `${linkOf(pid, 'net')}\n0\n`, stderr: '' });
  });
  test('--emit is refused: a file cannot hold it', (context) => {
    needs(context, needsRoot, noIds);
    using folder = temporaryFolder();
    const file = join(folder.path, 'emitted');
    expect(
      shell(`${nsenter} -u:${idOf(process.pid, 'uts')} --emit ${file} true; ls ${folder.path}`, { compat }),
    ).toMatchObject({
      stdout: '',
      stderr: expect.stringContaining('ts-nsenter cannot be emitted'),
    });
  });
  test('its descriptor is not handed on, and a file of such a name is meant by ./', (context) => {
    needs(context, needsRoot, noIds);
    const { stdout } = shell(`${nsenter} -u:${idOf(process.pid, 'uts')} sh -c 'readlink /proc/self/fd/*'`, { compat });
    expect(stdout).not.toContain('uts:');
    expect(shell(`${nsenter} -u./:5 true`, { compat, cwd: '/' }).stderr).toContain('cannot open ./:5: No such file');
  });
});

/** A target by unshare(1), whose processes are moved into groups: itself, and who waits for it. */
function moved(options: readonly string[], directories: readonly string[]): { pid: number; waits?: number } {
  const pid = target(options);
  const parent = Number(/^PPid:\s+(\d+)/m.exec(textOf(`/proc/${pid}/status`))?.[1]);
  const waits = parent === process.pid ? undefined : parent;
  for (const directory of directories) {
    mkdirSync(directory, { recursive: true });
    for (const each of [pid, waits]) if (each) writeFileSync(join(directory, 'cgroup.procs'), String(each));
  }
  return { pid, waits };
}

describe('a target by its control group', () => {
  const entered = (words: string, options = {}) => shell(`ts-nsenter ${words}`, options);
  test('by path and by directory; who waits for the PID namespace does not count', (context) => {
    needs(context, needsRoot, needsController('memory'));
    using group = new OwnGroup();
    const { pid, waits } = moved(['-pmf'], [group.directory('memory')]);
    expect(waits).toBeDefined();
    for (const name of [`/${group.name}`, group.name, group.directory('memory'), `${group.directory('memory')}/`]) {
      const { stdout, stderr } = entered(`--target-cgroup ${name} -p -m readlink /proc/self/ns/mnt`);
      expect({ stdout, stderr }).toEqual({ stdout: `${linkOf(pid, 'mnt')}\n`, stderr: '' });
    }
    expect(entered(`--target-cgroup=${group.name} -a sh -c 'echo $$ $PPID'`).stdout).toMatch(/^[2-9]\d* 0\n$/);
  });
  test('on the v2 tree, and below the group that was named', (context) => {
    needs(context, needsRoot, () =>
      trees().some(({ mount }) => mount.includes('unified')) ? undefined : 'no v2 tree',
    );
    const tree = trees().find(({ controllers, mount }) => mount.includes('unified') || controllers[0] === 'cgroup2');
    using group = new OwnGroup();
    const { pid } = moved(['-u'], [join(tree?.mount as string, group.name, 'a', 'b')]);
    const { stdout, stderr } = entered(`--target-cgroup /${group.name} -u readlink /proc/self/ns/uts`);
    expect({ stdout, stderr }).toEqual({ stdout: `${linkOf(pid, 'uts')}\n`, stderr: '' });
  });
  test('processes in different namespaces: only kinds in which they agree', (context) => {
    needs(context, needsRoot, needsController('memory', 'pids'));
    using group = new OwnGroup();
    const one = moved(['-u'], [group.directory('memory')]).pid;
    const two = moved(['-un'], [group.directory('pids')]).pid;
    const { status, stdout, stderr } = entered(`--target-cgroup ${group.name} -u echo started`);
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    const [first, second] = [one, two].sort((a, b) => a - b) as [number, number];
    expect(stderr).toContain(
      `ts-nsenter: processes of control group ${group.name} are in different uts namespaces\nts-nsenter: process ${first} is in ${linkOf(first, 'uts')}, process ${second} is in ${linkOf(second, 'uts')}; the group is in 2 hierarchies`,
    );
    expect(entered(`--target-cgroup ${group.name} -i echo started`).stdout).toBe('started\n');
    expect(entered(`--target-cgroup ${group.directory('pids')} -u readlink /proc/self/ns/uts`).stdout).toBe(
      `${linkOf(two, 'uts')}\n`,
    );
  });
  test('what else is taken from it: its group, its environment', (context) => {
    needs(context, needsRoot, needsController('memory'));
    using group = new OwnGroup();
    moved(['-u'], [group.directory('memory')]);
    const { stdout } = entered(`--target-cgroup ${group.name} -u -c -e sh -c 'cat /proc/self/cgroup; env'`, {
      env: { HERE: '1' },
    });
    expect(stdout).toMatch(new RegExp(`memory.*:/${group.name}\n`));
    expect(stdout).not.toContain('HERE');
  });
  test('that there is not, that is empty, that belongs to another user', (context) => {
    needs(context, needsRoot, needsController('memory'));
    using group = new OwnGroup();
    const said = (words: string, options = {}) => entered(`--target-cgroup ${words} -u echo started`, options);
    expect(said(`/${group.name}`)).toMatchObject({ status: 1, stdout: '' });
    expect(said(`/${group.name}`).stderr).toContain(`ts-nsenter: no such control group: /${group.name}\n`);
    mkdirSync(group.directory('memory'));
    expect(said(group.name).stderr).toContain(`ts-nsenter: no process in control group ${group.name}\n`);
    moved(['-u'], [group.directory('memory')]);
    expect(said(group.name, { uid: NOBODY }).stderr).toContain('cannot look at the processes of control group');
    expect(said(`${group.name} -t 1`).stderr).toContain('mutually exclusive arguments: --target --target-cgroup');
  });
  test('abbreviations of the original’s options mean what they meant', () => {
    expect(run(['ts-nsenter', '--targ', '999999', '--ut', 'true']).stderr).toContain('cannot open /proc/999999/ns/uts');
    expect(run(['ts-nsenter', '--net=/nowhere', 'true']).stderr).toContain('cannot open /nowhere');
  });
});

describe('a network namespace by its name', () => {
  const folder = '/run/netns';
  const wasThere = existsSync(folder);
  beforeAll(() => {
    if (isRoot) mkdirSync(folder, { recursive: true });
  });
  afterAll(() => {
    if (isRoot && !wasThere && !readdirSync(folder).length) rmdirSync(folder);
  });
  /** A name below /run/netns as ip-netns(8) makes it, removed when the test ends. */
  function named(): string {
    const name = uniqueName('ts-e2e');
    const file = `/run/netns/${name}`;
    onTestFinished(() => {
      shell(`umount ${file}; rm -f ${file}`);
    });
    expect(shell(`touch ${file} && unshare --net=${file} ip link add ${name.slice(-6)} type bridge`)).toMatchObject({
      stderr: '',
    });
    return name;
  }
  test('is entered, with what is in it', (context) => {
    needs(context, needsRoot);
    const name = named();
    for (const words of [`--netns ${name}`, `--netns=${name}`, `-n/nowhere --netns ${name}`])
      expect(shell(`ts-nsenter ${words} ip -o link`).stdout).toContain(`: ${name.slice(-6)}:`);
    expect(shell(`ts-nsenter --netns ${name} -n/proc/self/ns/net readlink /proc/self/ns/net`).stdout).toBe(
      `${linkOf('self', 'net')}\n`,
    );
  });
  test('that there is not; the others are named', (context) => {
    needs(context, needsRoot);
    const name = named();
    const { status, stdout, stderr } = shell('ts-nsenter --netns no-such echo started');
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toContain('ts-nsenter: cannot open /run/netns/no-such: No such file or directory\n');
    expect(stderr).toContain(name);
    for (const word of ["''", '..', 'a/b'])
      expect(shell(`ts-nsenter --netns ${word} true`).stderr).toContain('invalid name');
  });
  test('that is left over from another run: no namespace', (context) => {
    needs(context, needsRoot);
    const name = uniqueName('ts-e2e');
    writeFileSync(`/run/netns/${name}`, '');
    onTestFinished(() => rmSync(`/run/netns/${name}`));
    expect(shell(`ts-nsenter --netns ${name} true`).stderr).toContain(`/run/netns/${name} is no namespace`);
  });
});
