import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { containerGroups, containerRoot } from '../harness/container.ts';
import { bin, compatPath, isRoot, NOBODY, originalPath, type RunOptions, run } from '../harness/run.ts';
import { needs, needsController, needsProgram, needsRoot } from '../harness/skip.ts';

let rootfs: ReturnType<typeof containerRoot>;
beforeAll(() => {
  rootfs = containerRoot();
});
afterAll(() => rootfs[Symbol.dispose]());

/** Recipe A1, word for word. */
const A1 = `
cgexec -g cpu,memory:$ID unshare -muinpfr /bin/sh -c "
  mount -t proc proc $ROOTFS/proc &&
  touch $ROOTFS$(tty); mount --bind $(tty) $ROOTFS$(tty) &&
  touch $ROOTFS/dev/pts/ptmx; mount --bind /dev/pts/ptmx $ROOTFS/dev/pts/ptmx &&
  ln -sf /dev/pts/ptmx $ROOTFS/dev/ptmx &&
  touch $ROOTFS/dev/null && mount --bind /dev/null $ROOTFS/dev/null &&
  /bin/hostname $ID &&
  exec capsh --chroot=$ROOTFS --drop=cap_sys_chroot -- -c 'exec $CMD'"
`;

/** The same in our names as one chain; \`GROUPS\` is empty for an ordinary user. */
const CHAIN = `
$GROUPS ts-unshare -muinpfr
  ts-mount -t proc proc $ROOTFS/proc --
  ts-mount --bind /dev/null $ROOTFS/dev/null --
  ts-hostname $ID
  ts-capsh --chroot=$ROOTFS --drop=cap_sys_chroot -- -c "exec $CMD"
`
  .trim()
  .replaceAll(/\n\s*/g, ' ');

/** The same written into a file of its own, which is then run. */
const EMITTED = `${CHAIN} && exec $ROOTFS.$ID`;

/** A command line in a pseudo-terminal; \`script\` makes one. */
const inTerminal = (script: string): string[] => ['script', '-qec', script, '/dev/null'];

const variables = (id: string, cmd: string) => ({ ROOTFS: rootfs.path, ID: id, CMD: cmd });

function a1(id: string, cmd: string, options: RunOptions = {}) {
  const result = run(inTerminal(A1), {
    ...options,
    env: { PATH: compatPath, SHELL: '/bin/sh', ...variables(id, cmd), ...options.env },
  });
  return { ...result, stdout: result.stdout.replaceAll('\r\n', '\n') };
}

const chain = (
  id: string,
  cmd: string,
  { groups = '', script = CHAIN, ...options }: RunOptions & { groups?: string; script?: string } = {},
) =>
  run(['sh', '-c', script.replace('$GROUPS', groups)], {
    ...options,
    env: { PATH: originalPath, ...variables(id, cmd), ...options.env },
  });

const checks = ['memory', 'cpu'];
const FORMS = [
  { name: 'A1, word for word', start: a1 },
  {
    name: 'A2, one chain',
    start: (id: string, cmd: string, options: RunOptions = {}) =>
      chain(id, cmd, { ...options, groups: `ts-cgexec -g cpu,memory:${id}` }),
  },
  {
    name: 'A2, each tool a process',
    start: (id: string, cmd: string) =>
      chain(id, cmd, { groups: `ts-cgexec -g cpu,memory:${id}`, env: { TS_TOOLS_NO_FUSE: '1' } }),
  },
  {
    name: 'A2, emitted',
    start: (id: string, cmd: string) =>
      chain(id, cmd, { groups: `ts-cgexec --emit $ROOTFS.$ID -g cpu,memory:${id}`, script: EMITTED }),
  },
] as const;

for (const { name, start } of FORMS) {
  describe(name, () => {
    const ready = (context: Parameters<typeof needs>[0], ...programs: string[]) =>
      needs(context, needsRoot, needsController(...checks), needsProgram('script', ...programs));

    test('inside: its own name, root, processes, mounts and network', (context) => {
      ready(context, 'ps', 'ip');
      using groups = containerGroups();
      const look = '/bin/sh -c "uname -n; id -u; ps ax -o pid=,comm=; echo -; mount; echo -; ip -o link; ls /"';
      const { stdout, status } = start(groups.name, look);
      expect(status).toBe(0);
      const [first = '', mounts = '', links = ''] = stdout.split('\n-\n');
      expect(first.split('\n').map((line) => line.trim())).toEqual([
        groups.name,
        '0',
        '1 sh',
        expect.stringMatching(/^\d+ ps$/),
      ]);
      for (const line of mounts.split('\n')) expect(line).toMatch(/ on \/(proc|dev)/);
      expect(links).toMatch(/^1: lo: /);
      expect(links).not.toMatch(/^2: /m);
      expect(links).not.toContain('work');
    });

    test('inside: the capability that was dropped is gone, all others are there', (context) => {
      ready(context);
      using groups = containerGroups();
      const { stdout } = start(groups.name, 'cat /proc/self/status');
      const last = Number(readFileSync('/proc/sys/kernel/cap_last_cap', 'utf8'));
      const all = (1n << BigInt(last + 1)) - 1n;
      const expected = (all & ~(1n << 18n)).toString(16).padStart(16, '0');
      expect(/CapEff:\s+(\w+)/.exec(stdout)?.[1]).toBe(expected);
      expect(/CapBnd:\s+(\w+)/.exec(stdout)?.[1]).toBe(expected);
    });

    test('outside: 30 % of a CPU', async (context) => {
      ready(context, 'timeout');
      using groups = containerGroups();
      const before = BigInt(groups.read('cpu', 'cpu.stat').match(/nr_throttled (\d+)/)?.[1] ?? 0);
      const usage = () => cpuTime(groups.read('cpu', 'cgroup.procs'));
      const child = background(name, groups.name, 'yes');
      try {
        await until(() => usage() > 0.3, 20_000);
        const [cpu, wall] = [usage(), performance.now()];
        await new Promise((resolve) => setTimeout(resolve, 5000));
        const share = (usage() - cpu) / ((performance.now() - wall) / 1000);
        expect(share).toBeGreaterThan(0.27);
        expect(share).toBeLessThan(0.33);
        expect(BigInt(groups.read('cpu', 'cpu.stat').match(/nr_throttled (\d+)/)?.[1] ?? 0)).toBeGreaterThan(before);
      } finally {
        child.kill('SIGKILL');
      }
    });

    test('outside: the tree of processes', async (context) => {
      ready(context);
      using groups = containerGroups();
      const child = background(name, groups.name, 'sleep 30');
      try {
        const pids = () => groups.read('cpu', 'cgroup.procs').split('\n').filter(Boolean).map(Number);
        await until(() => pids().some((pid) => commandLine(pid) === 'sleep 30'), 20_000);
        const sleeper = pids().find((pid) => commandLine(pid) === 'sleep 30') as number;
        const parent = Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${sleeper}/status`, 'utf8'))?.[1]);
        expect(readFileSync(`/proc/${parent}/comm`, 'utf8').trim()).toMatch(/unshare$/);
        expect(/^NSpid:\s+\d+\s+1$/m.test(readFileSync(`/proc/${sleeper}/status`, 'utf8'))).toBe(true);
        const resident = Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${parent}/status`, 'utf8'))?.[1]);
        expect(resident).toBeLessThan(200);
      } finally {
        child.kill('SIGKILL');
      }
    });

    test('outside: whoever takes more than 10 MB is killed', (context) => {
      ready(context, 'yes');
      using groups = containerGroups();
      // A shell that keeps in memory what never ends.
      const { stdout } = start(groups.name, String.raw`/bin/bash -c "(x=\$(yes)); echo status \$?"`);
      expect(stdout).toContain('status 137');
      expect(Number(groups.read('memory', 'memory.failcnt'))).toBeGreaterThan(0);
      expect(Number(groups.read('memory', 'memory.max_usage_in_bytes'))).toBeLessThanOrEqual(10_000_000);
    });
  });
}

const commandLine = (pid: number) => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
  } catch {
    return ''; // it has ended
  }
};

/** Seconds of CPU time of processes. */
function cpuTime(procs: string): number {
  return procs
    .split('\n')
    .filter(Boolean)
    .reduce((sum, pid) => {
      if (!existsSync(`/proc/${pid}/stat`)) return sum;
      const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
        .replace(/^.*\) /, '')
        .split(' ');
      return sum + (Number(fields[11]) + Number(fields[12])) / 100;
    }, 0);
}

async function until(condition: () => boolean, milliseconds: number): Promise<void> {
  const end = performance.now() + milliseconds;
  while (!condition()) {
    if (performance.now() > end) throw new Error('it did not happen in time');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function background(form: string, id: string, cmd: string): ChildProcess {
  const env = { ...variables(id, cmd), LC_ALL: 'C' };
  if (form.startsWith('A1')) {
    const [program, ...rest] = inTerminal(A1) as [string, ...string[]];
    return spawn(program, rest, {
      env: { PATH: compatPath, SHELL: '/bin/sh', ...env },
      stdio: ['pipe', 'ignore', 'ignore'],
    });
  }
  const fuse = form.includes('each') ? { TS_TOOLS_NO_FUSE: '1' } : {};
  const script = form.includes('emitted')
    ? EMITTED.replace('$GROUPS', `ts-cgexec --emit $ROOTFS.$ID -g cpu,memory:${id}`)
    : `exec ${CHAIN.replace('$GROUPS', `ts-cgexec -g cpu,memory:${id}`)}`;
  return spawn('sh', ['-c', script], { env: { PATH: originalPath, ...env, ...fuse }, stdio: 'ignore' });
}

describe('A2 as an ordinary user, without groups', () => {
  const uid = isRoot ? NOBODY : (process.getuid?.() as number);
  for (const fuse of ['0', '1'])
    test(`TS_TOOLS_NO_FUSE=${fuse}`, (context) => {
      needs(context, needsProgram('ps'));
      const { stdout, stderr, status } = chain('mine', "/bin/sh -c 'uname -n; id -u; ps ax -o pid=,comm=; ls /'", {
        uid,
        env: { TS_TOOLS_NO_FUSE: fuse },
      });
      expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
      expect(stdout).toMatch(/^mine\n0\n\s+1 sh\n\s+\d+ ps\nbin\n/);
    });
});

describe('A1 at a terminal', () => {
  const PROMPT = /bash-[\d.]+# $/;

  /** Types lines and gives what the screen has shown when \`expected\` came. */
  function session(id: string) {
    const [program, ...rest] = inTerminal(A1) as [string, ...string[]];
    const child = spawn(program, rest, {
      env: {
        PATH: compatPath,
        SHELL: '/bin/sh',
        LC_ALL: 'C',
        TERM: 'dumb',

        ...variables(id, '/bin/bash --norc -i'),
      },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    let shown = '';
    let seen = 0;
    child.stdout.on('data', (data: Buffer) => {
      shown += data.toString('latin1');
    });
    return {
      child,
      type: (text: string) => child.stdin.write(text),
      async shows(expected: RegExp) {
        await until(() => expected.test(shown.slice(seen)), 20_000).catch(() => {
          throw new Error(`not shown: ${expected}, but ${JSON.stringify(shown.slice(seen))}`);
        });
        const text = shown.slice(seen);
        seen = shown.length;
        return text;
      },
      ended: new Promise<number | null>((resolve) => child.on('close', resolve)),
    };
  }

  test('a prompt, job control, Ctrl-C, window size, exit status', async (context) => {
    needs(context, needsRoot, needsController(...checks), needsProgram('script', 'stty'));
    using groups = containerGroups();
    const { type, shows, ended, child } = session(groups.name);
    try {
      await shows(PROMPT);
      type('echo $((6*7)); tty\n');
      expect(await shows(PROMPT)).toMatch(/42\r\n\/dev\/pts\/\d+\r\n/);
      type('stty rows 33 cols 99; stty size\n');
      expect(await shows(/33 99\r\n/)).toContain('33 99');
      type('sleep 100\n');
      await until(
        () =>
          groups
            .read('cpu', 'cgroup.procs')
            .split('\n')
            .some((pid) => pid && commandLine(Number(pid)) === 'sleep 100'),
        10_000,
      );
      type('\u0003');
      await shows(/\^C\r\n.*# $/s);
      type('sleep 200\n');
      await until(
        () =>
          groups
            .read('cpu', 'cgroup.procs')
            .split('\n')
            .some((pid) => pid && commandLine(Number(pid)) === 'sleep 200'),
        10_000,
      );
      type('\u001a');
      expect(await shows(/Stopped[\s\S]*# $/)).toContain('sleep 200');
      type('bg; jobs; kill %1; wait\n');
      expect(await shows(/Running[\s\S]*# $/)).toContain('sleep 200');
      type('exit 7\n');
      expect(await ended).toBe(7);
    } finally {
      child.kill('SIGKILL');
    }
  });
});

test('nothing of it is left', () => {
  for (const controller of ['cpu', 'memory']) {
    const folder = `/sys/fs/cgroup/${controller}`;
    if (existsSync(folder))
      expect(readdirSync(folder).filter((name) => name.startsWith(`ts-e2e-${process.pid}-`))).toEqual([]);
  }
  expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(join(rootfs.path, 'proc'));
  expect(existsSync(bin)).toBe(true);
});
