/**
 * `npm run demo`: builds the tools, makes a container out of this machine's own programs with one pipeline of the shell,
 * looks at it from inside and from outside, and cleans up. The exit status is 0 only if every statement held.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Narrator } from './demo/narrator.ts';
import { type Parts, pipeline } from './demo/pipeline.ts';
import { descendants, formatTree, type Process, readProcess } from './demo/processes.ts';
import { bin, isProgram, makeSetting, type Setting, whyNoGroups } from './demo/setting.ts';
import { openTerminal } from './demo/terminal.ts';
import { run, runTool } from './testing/process.ts';

const LIMITS = {
  'memory.limit_in_bytes': 10_000_000,
  'cpu.cfs_period_us': 1_000_000,
  'cpu.cfs_quota_us': 300_000,
} as const;
const SHARE = LIMITS['cpu.cfs_quota_us'] / LIMITS['cpu.cfs_period_us'];
/** Bit of CAP_SYS_CHROOT. */
const SYS_CHROOT = 1n << 18n;
const PATIENCE = 60_000;

const narrator = new Narrator();
const running = new Set<ChildProcess>();
let interrupted = false;

class Interrupted extends Error {}

/** Nothing more is started when the demo has been told to end. */
function goOn(): void {
  if (interrupted) throw new Interrupted();
}

/** Runs one of our tools by the original's name and shows it. */
function tool(setting: Setting, command: string, { quiet = false } = {}): { stdout: string; ok: boolean } {
  if (!quiet) narrator.command(command.replaceAll(setting.id, '$ID').replaceAll(setting.rootfs, '$ROOTFS'));
  const { status, stdout, stderr } = spawnSync('/bin/sh', ['-c', command], {
    env: setting.environment,
    encoding: 'utf8',
  });
  if (stderr) narrator.shows(stderr);
  return { stdout, ok: status === 0 };
}

interface Container {
  readonly child: ChildProcess;
  /** All that it prints, when it has ended. */
  readonly output: Promise<string>;
}

/** Starts recipe A1 with a command, at a terminal of its own where there are any. */
function startContainer(setting: Setting, parts: Parts, command: string): Container {
  goOn();
  const terminal = openTerminal();
  const child = spawn('/bin/sh', ['-c', pipeline(parts)], {
    env: { ...setting.environment, CMD: command },
    stdio: terminal ? [terminal.fd, terminal.fd, terminal.fd] : ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  running.add(child);
  const closed = new Promise((resolve) => child.on('close', resolve)).then(() => running.delete(child));
  if (terminal) return { child, output: Promise.all([terminal.output(), closed]).then(([text]) => text) };
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (data) => (text += data));
  return { child, output: closed.then(() => text) };
}

/** Ends a container and everything in it, the innermost processes first. */
function endContainer({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  for (const process of descendants(pid).reverse()) kill(process.pid);
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // it has ended meanwhile
  }
}

/** What a container printed; one that takes too long is ended. */
async function outputOf({ child, output }: Container): Promise<string> {
  const alarm = setTimeout(() => endContainer(child), PATIENCE);
  try {
    return await output;
  } finally {
    clearTimeout(alarm);
  }
}

async function build(setting: Setting): Promise<void> {
  narrator.step('The tools, each a single file');
  narrator.command('npm run build && npm run compat -- $COMPAT');
  const status =
    (await runTool('build', ['--quiet'])) ||
    (await run(process.execPath, ['tools/run.mjs', 'compat', setting.compat], { output: 'quiet' }));
  if (status !== 0) throw new Error(`the build has failed with status ${status}`);
  const tools = readdirSync(bin).filter((name) => name.startsWith('ts-'));
  const largest = Math.max(...tools.map((name) => statSync(join(bin, name)).size));
  narrator.shows(
    `${tools.join(' ')}\n(none larger than ${(largest / 1e6).toFixed(1)} MB; by the originals’ names: ${readdirSync(setting.compat).sort().join(' ')})`,
  );
}

interface Rootfs {
  readonly size: number;
  readonly entries: readonly { readonly path: string; readonly kind: string; readonly why: string }[];
}

/** Makes the root file system; gives the names of the programs in it. */
function makeRootfs(setting: Setting): Set<string> {
  narrator.step('A root file system out of this machine’s own programs');
  const { stdout, ok } = tool(setting, `ts-rootfs --json ${setting.rootfs}`);
  if (!ok) throw new Error('there is no root file system to go on with');
  const report = JSON.parse(stdout) as Rootfs;
  const files = report.entries.filter(({ kind }) => kind === 'file');
  const count = (why: string) => files.filter((file) => file.why === why).length;
  const names = new Set(
    report.entries
      .map(({ path }) => path)
      .filter((path) => /\/s?bin\/[^/]+$/.test(path))
      .map((path) => path.slice(path.lastIndexOf('/') + 1)),
  );
  narrator.shows(
    `${count('program')} programs, ${count('library')} libraries, ${count('loader')} loader, ${(report.size / 1e6).toFixed(1)} MB`,
  );
  narrator.check(
    'every file of the report is there, with its size',
    files.every(({ path }) => existsSync(join(setting.rootfs, path))),
  );
  return names;
}

function makeGroups(setting: Setting): void {
  narrator.step('A control group: 30 % of a CPU, 10 MB of memory');
  if (!tool(setting, `cgcreate -g cpu,memory:${setting.id}`).ok) throw new Error('the control group cannot be made');
  for (const [name, value] of Object.entries(LIMITS)) tool(setting, `cgset -r ${name}=${value} ${setting.id}`);
  const { stdout } = tool(
    setting,
    `cgget -n ${Object.keys(LIMITS)
      .map((name) => `-r ${name}`)
      .join(' ')} ${setting.id}`,
  );
  narrator.shows(stdout);
  const value = (name: string) => Number(new RegExp(`^${name}: (\\d+)`, 'm').exec(stdout)?.[1]);
  narrator.check(
    'the CPU quota is 0.3 s in every second',
    value('cpu.cfs_quota_us') / value('cpu.cfs_period_us') === SHARE,
    stdout,
  );
  // The kernel counts whole pages.
  narrator.check(
    'the memory limit is 10 MB',
    Math.abs(value('memory.limit_in_bytes') - LIMITS['memory.limit_in_bytes']) < 65536,
    stdout,
  );
}

/** Links that some modules put into every new network namespace. */
const FALLBACK_LINK = /^\d+: (tunl|gre|gretap|erspan|ip_vti|ip6_vti|sit|ip6tnl|ip6gre)0@/;

/** What is looked at inside: a script, the program that it needs, and what it must show. */
function insideViews(
  setting: Setting,
): readonly { title: string; script: string; needs: string; statement: string; holds: (text: string) => boolean }[] {
  const lines = (text: string) =>
    text
      .trim()
      .split('\n')
      .map((line) => line.trim());
  return [
    {
      title: 'uname -n',
      script: 'uname -n',
      needs: 'uname',
      statement: 'the host name is that of the container',
      holds: (text) => text.trim() === setting.id,
    },
    {
      title: 'hostname',
      script: 'hostname',
      needs: 'hostname',
      statement: 'hostname says the same',
      holds: (text) => text.trim() === setting.id,
    },
    {
      title: 'id',
      script: 'id',
      needs: 'id',
      statement: 'the user is root',
      holds: (text) => text.startsWith('uid=0(root)'),
    },
    {
      title: 'ps ax',
      script: 'ps ax -o pid,user,comm',
      needs: 'ps',
      statement: 'there are two processes, the script, which is PID 1, and ps',
      holds: (text) =>
        lines(text).length === 3 && /^1\s+root\s+sh$/.test(lines(text)[1] ?? '') && /\sps$/.test(lines(text)[2] ?? ''),
    },
    {
      title: 'mount',
      script: 'mount',
      needs: 'mount',
      statement: 'all mounts are its own: /proc and devices',
      holds: (text) => lines(text).every((line) => / on \/(proc|dev\/\S+) type /.test(line)),
    },
    {
      title: 'ls /',
      script: 'ls /',
      needs: 'ls',
      statement: 'only the copied tree is there',
      holds: (text) => text.trim().split(/\s+/).sort().join() === readdirSync(setting.rootfs).sort().join(),
    },
    {
      title: 'ip -o link',
      script: 'ip -o link',
      needs: 'ip',
      statement: 'the only network link is lo, and it is down',
      holds: (text) => {
        const links = lines(text).filter((line) => !FALLBACK_LINK.test(line));
        return links.length === 1 && /^1: lo: <LOOPBACK>/.test(links[0] as string);
      },
    },
    {
      title: 'grep ^Cap /proc/self/status',
      script: 'grep ^Cap /proc/self/status',
      needs: 'grep',
      statement: 'cap_sys_chroot is gone from all sets, for good',
      holds: (text) =>
        ['Prm', 'Eff', 'Bnd'].every((set) => (capabilities(text, set) & SYS_CHROOT) === 0n) &&
        capabilities(text, 'Eff') !== 0n,
    },
  ];
}

const capabilities = (text: string, set: string) =>
  BigInt(`0x${new RegExp(`Cap${set}:\\s*([0-9a-f]+)`).exec(text)?.[1] ?? '0'}`);

const MARK = '@@@';

async function lookInside(setting: Setting, parts: Parts, programs: Set<string>): Promise<void> {
  narrator.step('Inside');
  const views = insideViews(setting).filter(({ title, needs }) => {
    if (!programs.has(needs)) narrator.leaveOut(title, `this machine has no ${needs}`);
    return programs.has(needs);
  });
  writeScript(setting, 'look', [...views.flatMap(({ script }) => [`echo ${MARK}`, script]), `echo ${MARK}`]);
  const text = await outputOf(startContainer(setting, parts, '/bin/sh /demo/look'));
  const [before = '', ...sections] = text.split(`${MARK}\n`);
  narrator.check(
    'the pipeline starts without a word',
    before === '' && sections.length === views.length + 1,
    before || text,
  );
  for (const [index, { title, statement, holds }] of views.entries()) {
    const section = sections[index] ?? '';
    narrator.command(title);
    narrator.shows(section);
    narrator.check(statement, holds(section), section);
  }
  const shown = capabilities(text, 'Eff');
  if (shown === 0n) return;
  const decoded = tool(setting, `capsh --decode=${shown.toString(16).padStart(16, '0')}`).stdout;
  narrator.shows(decoded);
  narrator.check(
    'all others are there',
    decoded.includes('cap_sys_admin') && !decoded.includes('cap_sys_chroot'),
    decoded,
  );
}

function writeScript(setting: Setting, name: string, lines: readonly string[]): void {
  const folder = join(setting.rootfs, 'demo');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, name), `${lines.join('\n')}\n`);
  chmodSync(join(folder, name), 0o755);
}

/** Waits for a process of the container. */
async function findInside({ child }: Container, name: string): Promise<Process | undefined> {
  for (
    const end = performance.now() + PATIENCE / 2;
    performance.now() < end && child.exitCode === null;
    await sleep(50)
  ) {
    const found = descendants(child.pid ?? 0).find((each) => each.name === name);
    if (found) return found;
  }
  return undefined;
}

async function lookFromOutside(setting: Setting, parts: Parts): Promise<void> {
  narrator.step(
    parts.groups ? 'From outside, while yes runs in it as fast as it may' : 'From outside, while sleep runs in it',
  );
  const program = parts.groups ? 'yes' : 'sleep';
  writeScript(setting, 'work', [parts.groups ? 'exec yes >/dev/null' : 'exec sleep 60']);
  const container = startContainer(setting, parts, '/bin/sh /demo/work');
  try {
    const found = await findInside(container, program);
    narrator.check(
      `${program} runs in the container`,
      found !== undefined,
      found ? '' : await Promise.race([container.output, sleep(1000, 'nothing')]),
    );
    if (!found) return;
    const tree = descendants(container.child.pid ?? 0);
    narrator.shows(formatTree(tree));
    const parent = readProcess(found.parent);
    narrator.check('inside it is PID 1', found.pids.length >= 2 && found.pids.at(-1) === 1, found.pids.join(' '));
    narrator.check(
      'its parent, which waits for it, is unshare, in less than 200 KB',
      parent?.name === 'unshare' && parent.resident < 200,
      `${parent?.name} ${parent?.resident} KB`,
    );
    narrator.check(
      'no Node is left in the container',
      tree.every(({ name }) => !/^(node|MainThread)/.test(name)),
      tree.map(({ name }) => name).join(' '),
    );
    const root = tree.filter(({ pid }) => pid === found.pid).map(({ pid }) => linkOf(`/proc/${pid}/ns/mnt`));
    narrator.check(
      'its mount namespace is another than ours',
      root[0] !== undefined && root[0] !== linkOf('/proc/self/ns/mnt'),
    );
    narrator.check(
      'none of its mounts is seen here',
      !readFileSync('/proc/self/mountinfo', 'utf8').includes(setting.rootfs),
    );
    if (parts.groups) await measureCpu(setting, found.pid);
  } finally {
    endContainer(container.child);
    await container.output;
  }
}

function linkOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined; // it has ended
  }
}

/** Whole periods of the quota, so that it does not matter where in a period it begins. */
const PERIODS = 6;

/** How far the share may be from what was asked, as a part of it. */
const TOLERANCE = 0.1;
const ATTEMPTS = 3;

async function shareOf(pid: number): Promise<number> {
  const before = readProcess(pid)?.cpu ?? 0;
  const from = performance.now();
  await sleep((PERIODS * LIMITS['cpu.cfs_period_us']) / 1000);
  return ((readProcess(pid)?.cpu ?? 0) - before) / ((performance.now() - from) / 1000);
}

async function measureCpu(setting: Setting, pid: number): Promise<void> {
  let share = await shareOf(pid);
  // Less than it may have is what a busy machine has left for it; more must never be.
  for (let attempt = 1; attempt < ATTEMPTS && share < SHARE * (1 - TOLERANCE); attempt++) {
    narrator.shows(`this machine is busy: ${(100 * share).toFixed(1)} % was all that yes could get; once more`);
    share = await shareOf(pid);
  }
  narrator.check(
    `of ${PERIODS} s, yes got ${(100 * share).toFixed(1)} % of a CPU; ${100 * SHARE} % were asked for`,
    Math.abs(share - SHARE) <= SHARE * TOLERANCE,
    share,
  );
  const stat = tool(setting, `cgget -n -v -r cpu.stat ${setting.id}`).stdout;
  narrator.shows(stat);
  narrator.check('the kernel has held it back again and again', Number(/nr_throttled (\d+)/.exec(stat)?.[1]) > 0, stat);
}

async function exceedMemory(setting: Setting, parts: Parts): Promise<void> {
  narrator.step('More than 10 MB');
  const greed = 'x=$(yes | head -c 100000000)';
  writeScript(setting, 'eat', [`(${greed})`, `echo "${MARK}status $?"`]);
  narrator.command(greed);
  const text = await outputOf(startContainer(setting, parts, '/bin/sh /demo/eat'));
  const status = Number(new RegExp(`${MARK}status (\\d+)`).exec(text)?.[1]);
  narrator.check('a shell that wants 100 MB is killed', status === 128 + constants.signals.SIGKILL, text);
  const events = tool(setting, `cgget -n -r memory.failcnt -r memory.max_usage_in_bytes ${setting.id}`).stdout;
  narrator.shows(events);
  const times = Number(/failcnt: (\d+)/.exec(events)?.[1]);
  const peak = Number(/max_usage_in_bytes: (\d+)/.exec(events)?.[1]);
  narrator.check('the kernel has refused it more', times > 0, events);
  narrator.check('it never had more than it may', peak <= LIMITS['memory.limit_in_bytes'], events);
}

let cleaned: Promise<void> | undefined;

/** Everything goes that the demo has made; once. */
function cleanUp(setting: Setting, groups: boolean): Promise<void> {
  cleaned ??= (async () => {
    for (const child of running) endContainer(child);
    await Promise.race([
      Promise.all([...running].map((child) => new Promise((resolve) => child.once('close', resolve)))),
      sleep(5000),
    ]);
    narrator.speak();
    narrator.step('Cleaning up');
    if (groups)
      narrator.check(
        'the control group is gone',
        tool(setting, `cgdelete -g cpu,memory:${setting.id}`).ok && !groupIsLeft(setting),
      );
    const mounted = readFileSync('/proc/self/mountinfo', 'utf8').includes(setting.folder);
    if (!mounted) rmSync(setting.folder, { recursive: true, force: true });
    narrator.check('nothing is left: no folder, no mount', !mounted && !existsSync(setting.folder), setting.folder);
  })();
  return cleaned;
}

const groupIsLeft = (setting: Setting) =>
  readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .filter((line) => / - cgroup2? /.test(line))
    .some((line) => existsSync(join(line.split(' ')[4] ?? '/', setting.id)));

function partsOf(groups: boolean, programs: Set<string>): Parts {
  const hasHostname = isProgram('/bin/hostname');
  if (!hasHostname) narrator.leaveOut('/bin/hostname', 'this machine has none; `hostname` in its place is ours');
  const terminal = existsSync('/dev/ptmx');
  if (!terminal) narrator.leaveOut('the terminal', 'this machine has no /dev/ptmx');
  if (!programs.has('bash')) narrator.leaveOut('bash', 'this machine has none; sh in its place');
  return {
    groups,
    terminal,
    hostname: hasHostname ? '/bin/hostname' : 'hostname',
    shell: programs.has('bash') ? undefined : '/bin/sh',
  };
}

async function demo(): Promise<number> {
  const setting = makeSetting();
  const noGroups = whyNoGroups();
  let hasGroups = false;
  const endBy = (signal: NodeJS.Signals) => {
    interrupted = true;
    narrator.hush();
    void cleanUp(setting, hasGroups).finally(() => process.exit(128 + constants.signals[signal]));
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => endBy(signal));
  // Whoever reads this may stop reading, which is no reason to leave something behind.
  process.stdout.on('error', () => endBy('SIGPIPE'));
  try {
    await build(setting);
    goOn();
    const programs = makeRootfs(setting);
    if (noGroups === undefined) {
      hasGroups = true;
      makeGroups(setting);
    }
    narrator.step('The container: recipe A1, one pipeline of the shell');
    if (noGroups !== undefined) narrator.leaveOut('limits of CPU and memory', noGroups);
    const parts = partsOf(hasGroups, programs);
    narrator.command(pipeline(parts));
    await lookInside(setting, parts, programs);
    await lookFromOutside(setting, parts);
    if (hasGroups) await exceedMemory(setting, parts);
  } catch (error) {
    if (!(error instanceof Interrupted))
      narrator.check('the demo goes through', false, error instanceof Error ? error.message : error);
  } finally {
    await cleanUp(setting, hasGroups);
  }
  return narrator.conclude();
}

process.exitCode = await demo();
