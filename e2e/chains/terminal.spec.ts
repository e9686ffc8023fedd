/** Terminals, pipes and signals: the original and ours, side by side. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { compileC, needsCompiler } from '../harness/compile.ts';
import { compat, original, originalPath, temporaryFolder } from '../harness/run.ts';
import { needs, needsProgram, needsRoot } from '../harness/skip.ts';

const folder = temporaryFolder();
const pty = join(folder.path, 'pty');
beforeAll(() => {
  if (!needsCompiler()) compileC(join(import.meta.dirname, '../harness/pty.c'), pty);
});
afterAll(() => folder[Symbol.dispose]());
beforeEach((context) => needs(context, needsRoot, needsProgram('unshare', 'bash', 'head', 'seq', 'stty')));

const env = { PATH: originalPath, LC_ALL: 'C', HOME: '/', TERM: 'dumb' };
const TOOLS = { original: original('unshare') as string, ours: join(compat, 'unshare') } as const;

/** Milliseconds that a session at a terminal may take. */
const PATIENCE = 10_000;

const delay = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Waits for what is bound to happen; the test's own limit ends it otherwise. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await delay(10);
}

const shown = (text: string) => text.replaceAll('\r', '');

/**
 * Runs a command line in a terminal. `answers`: when the screen shows the first, the second is typed (after a pause); one after the other.
 * Gives what was shown.
 */
async function inTerminal(
  command: readonly string[],
  answers: readonly (readonly [wait: string, type: string | Buffer, pause?: number])[],
): Promise<string> {
  const child = spawn(pty, ['24', '80', ...command], { env, stdio: ['pipe', 'pipe', 'inherit'], cwd: '/' });
  let screen = '';
  let from = 0;
  const left = [...answers];
  const answer = () => {
    for (let next = left[0]; next; next = left[0]) {
      const at = screen.indexOf(next[0], from);
      if (at < 0) return;
      from = at + next[0].length;
      setTimeout(() => child.stdin.write(next[1]), next[2] ?? 0);
      left.shift();
    }
  };
  child.stdout.on('data', (data) => {
    screen += data;
    answer();
  });
  // What is never shown is never answered: the terminal goes away, and with it all that runs there.
  const timer = setTimeout(() => child.kill('SIGKILL'), PATIENCE);
  await once(child, 'close');
  clearTimeout(timer);
  expect(left, `never shown; the screen was: ${screen}`).toEqual([]);
  return shown(screen);
}

/** What one run of a tool gives is what the other's gives. */
async function same<T>(run: (tool: string) => T | Promise<T>): Promise<T> {
  const expected = await run(TOOLS.original);
  expect(await run(TOOLS.ours)).toEqual(expected);
  return expected;
}

describe('pipes', () => {
  const piped = (script: string) => (tool: string) => {
    const { stdout, stderr, status } = spawnSync('bash', ['-c', script.replaceAll('TOOL', tool)], {
      env,
      encoding: 'utf8',
    });
    return { stdout, stderr: stderr.replaceAll(/^.*\/unshare:/gm, 'unshare:'), status };
  };
  /** Descriptor 3 is a pipe whose reader has gone. */
  const UNREAD = `coproc read; exec 3>&\${COPROC[1]}; reader=$COPROC_PID; echo >&3; wait $reader;`;

  for (const options of ['-u', '-f', '-uf --kill-child', '-u ts-unshare -f'])
    test(`a reader that goes: unshare ${options}`, async () => {
      const result = await same(piped(`TOOL ${options} seq 1000000 | head -1; echo \${PIPESTATUS[0]}`));
      expect(result).toEqual({ stdout: '1\n141\n', stderr: '', status: 0 });
    });
  test('the help text into a pipe that nobody reads', async () => {
    expect(await same(piped(`${UNREAD} TOOL --help >&3; echo $?`))).toMatchObject({
      stdout: '141\n',
      stderr: '',
    });
  });
  test('the help text where SIGPIPE is ignored', async () => {
    const result = await same(piped(`${UNREAD} trap "" PIPE; TOOL --help >&3; echo $?`));
    expect(result).toMatchObject({ stdout: '0\n', stderr: '' });
  });
  test('a program that writes where SIGPIPE is ignored', async () => {
    await same(piped(`${UNREAD} trap "" PIPE; TOOL -f sh -c "echo x || echo refused >&2" >&3; echo $?`));
  });
});

describe('at a terminal', () => {
  beforeEach((context) => needs(context, needsCompiler));
  const waiting = 'echo ready; exec sleep 5';

  for (const options of [['-u'], ['-f'], ['-f', '--kill-child']])
    test(`Ctrl-C and Ctrl-\\: unshare ${options.join(' ')}`, async () => {
      for (const [key, signal] of [
        ['\x03', 2],
        ['\x1c', 3],
      ] as const) {
        const screen = await same((tool) => inTerminal([tool, ...options, 'sh', '-c', waiting], [['ready', key]]));
        expect(screen).toContain(`[signal ${signal}]`);
      }
    }, 20_000);

  test('Ctrl-C that the program handles', async () => {
    const script = 'trap "echo caught; exit 5" INT; echo ready; while :; do sleep 0.1; done';
    expect(await same((tool) => inTerminal([tool, '-pf', 'sh', '-c', script], [['ready', '\x03']]))).toBe(
      'ready\n^Ccaught\n[exit 5]\n',
    );
  });

  for (const options of ['-u', '-f', '-uf --kill-child'])
    test(`Ctrl-Z, fg, bg under a shell: unshare ${options}`, async () => {
      const screens = await same(async (tool) => {
        // What is typed shows too, so it is spelled otherwise than what is waited for.
        const screen = await inTerminal(
          ['bash', '--norc', '--noprofile', '--noediting', '-i'],
          [
            ['# ', "PS1='P''> '\n"],
            ['P> ', `${tool} ${options} sh -c 'echo re""ady; read line; echo got $line; read line; exit 6'\n`],
            ['ready', '\x1a'],
            ['Stopped', ''],
            // The shell is told of the first process that stops. The other one may still read what is typed at once.
            ['P> ', 'fg\n', 500],
            ['exit 6', 'typed\n'],
            ['got typed', 'more\n'],
            ['P> ', 'echo sta""tus $?\n'],
            ['status ', 'exit 0\n'],
          ],
        );
        return {
          got: screen.includes('got typed'),
          status: /^.*status (\d+)$/m.exec(screen)?.[1],
          end: screen.trimEnd().split('\n').at(-1),
        };
      });
      expect(screens).toEqual({ got: true, status: '6', end: '[exit 0]' });
    }, 30_000);

  test('the window: its size, and a change of it', async () => {
    const script = 'trap "stty size; exit 0" WINCH; stty size; echo ready; while :; do sleep 0.1; done';
    for (const options of ['-u', '-f'])
      expect(
        await same((tool) =>
          inTerminal([tool, options, 'sh', '-c', script], [['ready', Buffer.from([0xff, 50, 132])]]),
        ),
      ).toBe('24 80\nready\n50 132\n[exit 0]\n');
  });

  test('session, foreground group and terminal are inherited', async () => {
    const script = "awk '{ print $6 == $8, $5 == $8, $7 != 0 }' /proc/self/stat; ps -o tty= -p $$ | grep -c pts";
    for (const options of ['-u', '-f']) await same((tool) => inTerminal([tool, options, 'sh', '-c', script], []));
  });
});

/** The only child of a process. */
const childOf = (pid: number) => Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim());
const stateOf = (pid: number) => {
  try {
    // On its way to sleep or asleep: that is chance.
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.[0]?.replace(/[RD]/, 'S') ?? 'gone';
  } catch {
    return 'gone';
  }
};
const isGone = (pid: number) => ['gone', 'Z', 'X'].includes(stateOf(pid));

/** Starts a tool that forks, waits until its program says "ready"; ends all of it whatever happens. */
async function withParent<T>(
  tool: string,
  options: readonly string[],
  script: string,
  look: (child: ChildProcess, program: number) => Promise<T>,
): Promise<T> {
  const child = spawn(tool, [...options, 'sh', '-c', script.includes('ready') ? script : `echo ready; ${script}`], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
    cwd: '/',
  });
  await once(child.stdout, 'data');
  const program = childOf(child.pid as number);
  try {
    return await look(child, program);
  } finally {
    child.kill('SIGKILL');
    if (!isGone(program)) process.kill(program, 'SIGKILL');
  }
}

describe('a parent that waits', () => {
  for (const signal of ['TERM', 'HUP', 'INT', 'QUIT', 'SEGV', 'PIPE', 'USR1', 'ALRM', 'RTMIN', 'ABRT'])
    test(`its child dies of ${signal}`, async () => {
      await same((tool) => {
        const {
          status,
          signal: by,
          stderr,
          stdout,
        } = spawnSync(tool, ['-f', 'bash', '-c', `ulimit -c 0; kill -${signal} $$`], { env, encoding: 'utf8' });
        return { status, by, stderr, stdout };
      });
    });

  test('is killed: the child lives on', async () => {
    await same((tool) =>
      withParent(tool, ['-f'], 'exec sleep 30', async (parent, program) => {
        parent.kill('SIGKILL');
        await once(parent, 'exit');
        await delay(100);
        expect(stateOf(program)).toBe('S');
      }),
    );
  });

  for (const [option, script] of [
    ['--kill-child', 'exec sleep 30'],
    ['--kill-child=TERM', 'exec sleep 30'],
    ['--kill-child=USR1', 'trap "exit 0" USR1; echo ready; while :; do sleep 0.1; done'],
  ] as const)
    test(`is killed: ${option}`, async () => {
      await same((tool) =>
        withParent(tool, [option], script, async (parent, program) => {
          parent.kill('SIGKILL');
          await until(() => isGone(program));
        }),
      );
    });

  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    test(`lets ${signal} pass over it`, async () => {
      const result = await same((tool) =>
        withParent(tool, ['-f'], 'sleep 0.5; exit 7', async (parent) => {
          parent.kill(signal);
          return once(parent, 'exit');
        }),
      );
      expect(result).toEqual([7, null]);
    });

  for (const signal of ['SIGHUP', 'SIGQUIT', 'SIGUSR1'] as const)
    test(`dies of ${signal}`, async () => {
      expect(
        await same((tool) =>
          withParent(tool, ['-f'], 'exec sleep 30', async (parent) => {
            parent.kill(signal);
            return once(parent, 'exit');
          }),
        ),
      ).toEqual([null, signal]);
    });

  test('stopped and continued, alone and with its child', async () => {
    await same((tool) =>
      withParent(tool, ['-f'], 'sleep 1; exit 8', async (parent, program) => {
        parent.kill('SIGSTOP');
        await until(() => stateOf(parent.pid as number) === 'T');
        const beside = stateOf(program);
        parent.kill('SIGCONT');
        process.kill(program, 'SIGSTOP');
        await until(() => stateOf(program) === 'T');
        const above = stateOf(parent.pid as number);
        process.kill(program, 'SIGCONT');
        return [beside, above, await once(parent, 'exit')];
      }),
    );
  });

  test('--forward-signals: passes SIGTERM and SIGINT on', async () => {
    const script = 'trap "exit 15" TERM; trap "exit 2" INT; echo ready; while :; do sleep 0.05; done';
    for (const [signal, status] of [
      ['SIGTERM', 15],
      ['SIGINT', 2],
    ] as const)
      expect(
        await withParent(TOOLS.ours, ['--forward-signals'], script, async (parent) => {
          parent.kill(signal);
          return once(parent, 'exit');
        }),
      ).toEqual([status, null]);
  });

  test('holds less than 200 KB, in one thread', async () => {
    for (const options of [['-f'], ['-pf', '--mount-proc'], ['--forward-signals'], ['-Urpf', '--kill-child']])
      await withParent(TOOLS.ours, options, 'exec sleep 30', async ({ pid }) => {
        const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
        const kilobytes = (key: string) => Number(new RegExp(`^${key}:\\s+(\\d+) kB`, 'm').exec(rollup)?.[1]);
        expect(kilobytes('Rss')).toBeGreaterThan(0);
        expect(kilobytes('Rss')).toBeLessThan(200);
        expect(kilobytes('Pss')).toBeLessThan(200);
        expect(readFileSync(`/proc/${pid}/status`, 'utf8')).toMatch(/^Threads:\s+1$/m);
      });
  });

  test('is seen by ps as the original is', async () => {
    await same((tool) =>
      withParent(tool, ['-f'], 'exec sleep 30', async ({ pid }) => ({
        comm: readFileSync(`/proc/${pid}/comm`, 'utf8'),
        cmdline: readFileSync(`/proc/${pid}/cmdline`, 'utf8').replace(tool, 'TOOL'),
      })),
    );
  });
});
