/** The runner at work: tapes recorded here and played by the image that the tools ship, for each architecture that can run. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import {
  type Arch,
  CLONE_NEWNS,
  CLONE_NEWUSER,
  errnoOf,
  arch as host,
  MS_PRIVATE,
  MS_REC,
  O_CREAT,
  O_RDONLY,
  O_WRONLY,
  pointerArray,
  type Recording,
  type Ref,
  SIGKILL,
  SIGTERM,
  SIGUSR1,
  type TapeRecording,
} from '../src/index.ts';
import { cannotPlay, commandFor, makeImage, type PlayOptions, play as playAny, workFolder } from './play.ts';

const folder = workFolder();
afterAll(() => folder[Symbol.dispose]());
const at = (name: string) => join(folder.path, name);

const sh = (sys: Recording, script: string) => sys.become(['/bin/sh'], ['sh', '-c', script]);

for (const arch of ['x64', 'arm64'] satisfies Arch[])
  describe(`the runner for ${arch}`, () => {
    beforeEach((context) => {
      const reason = cannotPlay(arch);
      if (reason) context.skip(reason);
    });
    const play = (record: (sys: TapeRecording) => void, options: PlayOptions = {}) =>
      playAny(record, { ...options, arch });

    test('becomes a program, with its arguments and this environment byte for byte', () => {
      const words = ['\udcff\udcfe', '', 'ä', 'x'.repeat(100_000)];
      const { stdout, end } = play((sys) => sys.become(['/usr/bin/printf'], ['printf', '<%s>', ...words]));
      expect(end).toBe(0);
      expect(Buffer.from(stdout, 'latin1')).toEqual(
        Buffer.concat(
          ['<', Buffer.from([255, 254]), '><><ä><', 'x'.repeat(100_000), '>'].map((part) => Buffer.from(part)),
        ),
      );
      const { stdout: environment } = play((sys) => sys.become(['/usr/bin/env'], ['env']), {
        env: { A: 'b', PATH: '/x' },
      });
      // Some emulators turn the order round.
      const entries = environment.trimEnd().split('\n');
      expect(arch === host ? entries : entries.sort()).toEqual(['A=b', 'PATH=/x']);
    });

    test('puts the words it was started with behind those of the program', () => {
      const show = (words: readonly string[]) =>
        play((sys) => sys.become(['/usr/bin/printf'], ['printf', '<%s>', 'own'], null, true), { words }).stdout;
      expect(show(['a b', '', 'ä'])).toBe(Buffer.from('<own><a b><><ä>').toString('latin1'));
      expect(show([])).toBe('<own>');
      const many = Array.from({ length: 20_000 }, (_, index) => `w${index}`);
      expect(show(many)).toBe(['own', ...many].map((word) => `<${word}>`).join(''));
    });

    test('a script without #! gets them, too', () => {
      const script = at(`plain-${arch}`);
      writeFileSync(script, 'echo "$0 $*"\n', { mode: 0o755 });
      expect(play((sys) => sys.become([script], ['plain', 'own'], null, true), { words: ['given'] }).stdout).toBe(
        `${script} own given\n`,
      );
    });

    test('searches a program in the PATH of its environment', () => {
      const folders = ['unreadable', 'first', 'second'].map((name) => at(`${name}-${arch}`));
      for (const [index, path] of folders.entries()) {
        mkdirSync(path);
        writeFileSync(join(path, 'found'), `#!/bin/sh\necho ${index} "$@"\n`, { mode: index ? 0o755 : 0o644 });
      }
      const [denied, first, second] = folders as [string, string, string];
      const search = (PATH: string | undefined, cwd?: string) => {
        const { stdout, stderr, end } = play((sys) => sys.become('found', ['found', 'x'], null, true), {
          env: { A: 'PATH=/no', ...(PATH === undefined ? {} : { PATH }) },
          words: ['y'],
          cwd,
        });
        return { stdout, stderr, end };
      };
      const ran = (index: number) => ({ stdout: `${index} x y\n`, stderr: '', end: 0 });
      expect(search(`/nonexistent:${first}:${second}`)).toEqual(ran(1));
      expect(search(`${denied}:${second}`)).toEqual(ran(2));
      expect(search(`${second}:${first}`)).toEqual(ran(2));
      expect(search(`/nonexistent:`, first)).toEqual(ran(1));
      expect(search(`::/x`, second)).toEqual(ran(2));
      expect(search(`${'/x'.repeat(5000)}:${first}`)).toEqual(ran(1));
      expect(search(denied)).toEqual({
        stdout: '',
        stderr: 'prog: failed to execute found: Permission denied\n',
        end: 126,
      });
      for (const path of ['/nonexistent', '/', undefined])
        expect(search(path)).toEqual({
          stdout: '',
          stderr: 'prog: failed to execute found: No such file or directory\n',
          end: 127,
        });
    });

    test('gives the program another environment where there is one', () => {
      const { stdout } = play((sys) => sys.become(['/usr/bin/env'], ['env'], pointerArray(['A=1', 'A=2', 'strange'])), {
        env: { B: 'c' },
      });
      expect(stdout).toBe('A=1\nA=2\nstrange\n');
    });

    test('ends with a status', () => {
      expect(play((sys) => sys.end(42))).toEqual({ stdout: '', stderr: '', end: 42 });
    });

    test('says what failed, with the words of the error, and ends with the status', () => {
      expect(play((sys) => sys.or('cannot go there', { status: 5, statusMissing: 6 }).chdir('/nonexistent'))).toEqual({
        stdout: '',
        stderr: 'prog: cannot go there: No such file or directory\n',
        end: 6,
      });
      expect(
        play((sys) => sys.or('cannot go there', { status: 5, statusMissing: 6 }).chdir('/etc/passwd')),
      ).toMatchObject({
        stderr: 'prog: cannot go there: Not a directory\n',
        end: 5,
      });
      expect(play((sys) => sys.chdir('/nonexistent'))).toMatchObject({
        stderr: 'prog: chdir failed: No such file or directory\n',
        end: 3,
      });
    });

    test('says it in full, however long a name in it is', () => {
      const name = 'n'.repeat(5000);
      expect(play((sys) => sys.or(`no ${name}`).chdir(name)).stderr).toBe(`prog: no ${name}: File name too long\n`);
    });

    test('lets a failure pass: any, or one alone', () => {
      expect(
        play((sys) => {
          sys.ignoring().chdir('/nonexistent');
          sys.end(7);
        }),
      ).toEqual({ stdout: '', stderr: '', end: 7 });
      expect(
        play((sys) => {
          sys.ignoring(errnoOf('ENOENT')).chdir('/nonexistent');
          sys.end(7);
        }),
      ).toMatchObject({ end: 7 });
      expect(
        play((sys) => {
          sys.or('no').ignoring(errnoOf('EPERM')).chdir('/nonexistent');
          sys.end(7);
        }),
      ).toMatchObject({ stderr: 'prog: no: No such file or directory\n', end: 3 });
    });

    test('a child whose parent is gone before it could ask for a signal ends all the same', async (context) => {
      if (arch !== host) context.skip('an emulator is no parent that the kernel would see end at that moment');
      const runs = Array.from({ length: 20 }, (_, run) => at(`orphan-${arch}-${run}`));
      for (const file of runs)
        play((sys) => {
          sys.forkAndWait({ parentDeathSignal: SIGKILL, parent: (parent) => parent.end(0) });
          sh(sys, `exec >/dev/null 2>&1; sleep 0.5; touch ${file}`);
        });
      await new Promise((done) => setTimeout(done, 1500));
      expect(runs.filter((file) => existsSync(file))).toEqual([]);
    });

    test('puts a result into the structure of a later call, in 4 or 8 bytes', () => {
      const file = at(`stored-${arch}`);
      play((sys) => {
        const fd = sys.open(file, O_WRONLY | O_CREAT, 0o600) as Ref;
        const fds = Buffer.alloc(24, 0xff);
        sys.fill(fds, 4, fd, 4);
        sys.fill(fds, 8, fd, 8);
        sys.fill(fds, 20, 7, 4);
        sys.write(fd, fds);
        sys.end(0);
      });
      const written = readFileSync(file);
      const fd = written.readInt32LE(4);
      expect(fd).toBeGreaterThan(2);
      const expected = Buffer.alloc(24, 0xff);
      expected.writeInt32LE(fd, 4);
      expected.writeBigInt64LE(BigInt(fd), 8);
      expected.writeInt32LE(7, 20);
      expect(written).toEqual(expected);
      expect(() => play((sys) => sys.fill(Buffer.alloc(4), 1, sys.getpid(), 4))).toThrow(RangeError);
    });

    test('uses the result of an earlier call', () => {
      const file = at(`made-${arch}`);
      play((sys) => {
        const fd = sys.open(file, O_WRONLY | O_CREAT, 0o600);
        sys.write(fd, Buffer.from('written'));
        sys.close(fd);
        sys.end(0);
      });
      expect(readFileSync(file, 'utf8')).toBe('written');
    });

    test('takes back what was made, the last first, and keeps the status', () => {
      const { stderr, end } = play((sys) => {
        sys.undo((back) => back.print(2, ['first\n']));
        sys.undo((back) => {
          back.chdir('/nonexistent');
          back.print(2, ['second\n']);
        });
        sys.or('broken', { status: 9 }).chdir('/etc/passwd');
        sys.print(2, ['not reached\n']);
      });
      expect({ stderr, end }).toEqual({ stderr: 'prog: broken: Not a directory\nsecond\nfirst\n', end: 9 });
    });

    test('takes nothing back before it was made, nor in a child', () => {
      const { stderr, end } = play((sys) => {
        const child = sys.fork((other) => other.or('in the child', { status: 4 }).chdir('/nonexistent'));
        sys.print(2, [{ exitStatus: sys.wait(child) }, '\n']);
        sys.or('early', { status: 8 }).chdir('/nonexistent');
        sys.undo((back) => back.print(2, ['never\n']));
      });
      expect({ stderr, end }).toEqual({
        stderr: 'prog: in the child: No such file or directory\n4\nprog: early: No such file or directory\n',
        end: 8,
      });
    });

    test('puts text together from results', () => {
      const { stdout } = play((sys) => {
        const child = sys.fork((other) => other.end(17));
        const status = sys.wait(child);
        const signalled = sys.wait(sys.fork((other) => sh(other, 'kill -TERM $$')));
        const missing = sys.ignoring().open('/nonexistent', O_RDONLY) as Ref;
        sys.print(1, [
          'exit ',
          { exitStatus: status },
          ', signal ',
          { signal: signalled },
          ', error ',
          { result: missing },
          '\n',
        ]);
        sys.end(0);
      });
      expect(stdout).toBe(`exit 17, signal ${SIGTERM}, error -2\n`);
    });

    test('branches on a result', () => {
      const with_ = (path: string) =>
        play((sys) => {
          const found = sys.ignoring().open(path, O_RDONLY) as Ref;
          sys.when(found, 'less', 0, () => sys.print(1, ['missing ']));
          sys.when(found, 'equal', -errnoOf('ENOENT'), () => sys.print(1, ['ENOENT ']));
          sys.when(found, 'notEqual', -errnoOf('ENOENT'), () => sys.print(1, ['other ']));
          sys.end(0);
        }).stdout;
      expect(with_('/nonexistent')).toBe('missing ENOENT ');
      expect(with_('/etc/passwd/x')).toBe('missing other ');
      expect(with_('/etc/passwd')).toBe('other ');
    });

    test('tries, and goes another way on failure, or on one errno alone', () => {
      const tried = (path: string, only?: number) =>
        play((sys) => {
          sys.tryElse(
            (first) => {
              first.chdir(path);
              first.print(1, ['there']);
            },
            (other) => other.print(1, ['elsewhere']),
            only,
          );
          sys.end(0);
        });
      expect(tried('/')).toEqual({ stdout: 'there', stderr: '', end: 0 });
      expect(tried('/nonexistent')).toEqual({ stdout: 'elsewhere', stderr: '', end: 0 });
      expect(tried('/nonexistent', errnoOf('ENOENT'))).toEqual({ stdout: 'elsewhere', stderr: '', end: 0 });
      expect(tried('/etc/passwd', errnoOf('ENOENT'))).toEqual({
        stdout: '',
        stderr: 'prog: chdir failed: Not a directory\n',
        end: 3,
      });
    });

    test('a child without an end of its own ends with 0', () => {
      expect(
        play((sys) => {
          const child = sys.fork(() => {});
          sys.print(1, [{ exitStatus: sys.wait(child) }]);
          sys.end(1);
        }),
      ).toEqual({ stdout: '0', stderr: '', end: 1 });
    });

    test('waits, and ends as the child ended', () => {
      const waiting = (script: string) =>
        play((sys) => {
          sys.forkAndWait({});
          sh(sys, script);
        });
      expect(waiting('exit 23')).toEqual({ stdout: '', stderr: '', end: 23 });
      for (const name of ['TERM', 'HUP', 'USR2', 'PIPE', 'KILL'])
        expect(waiting(`kill -${name} $$`)).toEqual({ stdout: '', stderr: '', end: `SIG${name}` });
    });

    test('passes signals on while it waits', async () => {
      const image = makeImage(
        folder.path,
        (sys) => {
          sys.forkAndWait({ forward: [SIGTERM, SIGUSR1] });
          sh(sys, 'trap "echo usr1" USR1; trap "exit 9" TERM; echo ready; while :; do sleep 0.05; done');
        },
        { arch },
      );
      const [command, ...words] = commandFor(image, arch);
      const child = spawn(command, words, { stdio: ['ignore', 'pipe', 'inherit'] });
      let said = '';
      child.stdout.on('data', (data) => {
        said += data;
        if (said === 'ready\n') child.kill('SIGUSR1');
        if (said === 'ready\nusr1\n') child.kill('SIGTERM');
      });
      expect(await once(child, 'close')).toEqual([9, null]);
    });

    test('stops when its child stops, and continues it', async () => {
      const image = makeImage(
        folder.path,
        (sys) => {
          sys.forkAndWait({ mirrorStops: true });
          sh(sys, 'kill -STOP $$; exit 11');
        },
        { arch },
      );
      const [command, ...words] = commandFor(image, arch);
      const child = spawn(command, words, { stdio: 'ignore' });
      const state = () => readFileSync(`/proc/${child.pid}/stat`, 'utf8').split(') ')[1]?.[0];
      while (state() !== 'T') await new Promise((resolve) => setTimeout(resolve, 10));
      child.kill('SIGCONT');
      expect(await once(child, 'close')).toEqual([11, null]);
    });

    describe('becoming a program', () => {
      const script = at(`script-${arch}`);
      const denied = at(`denied-${arch}`);
      const garbage = at(`garbage-${arch}`);
      writeFileSync(script, 'echo script $0 "$@"\n', { mode: 0o755 });
      writeFileSync(denied, 'x', { mode: 0o644 });
      writeFileSync(garbage, Buffer.from([0x7f, 0x45, 0x4c, 0x46, 9, 9, 9]), { mode: 0o755 });
      mkdirSync(at(`folder-${arch}`), { recursive: true });
      chmodSync(script, 0o755);
      const becoming = (...paths: string[]) => play((sys) => sys.become(paths, ['name', 'a', 'b c']));

      test('a script without #! is for /bin/sh', () => {
        expect(becoming(script)).toEqual({ stdout: `script ${script} a b c\n`, stderr: '', end: 0 });
        expect(becoming('/nonexistent/x', script).stdout).toBe(`script ${script} a b c\n`);
      });
      test('the first one that is there counts', () => {
        expect(becoming('/nonexistent', '/etc/passwd/x', '/bin/echo', '/bin/false')).toEqual({
          stdout: 'a b c\n',
          stderr: '',
          end: 0,
        });
      });
      test('one that may not be executed is passed over, and remembered', () => {
        expect(becoming(denied, '/bin/echo')).toMatchObject({ stdout: 'a b c\n', end: 0 });
        expect(becoming(denied, '/nonexistent')).toEqual({
          stdout: '',
          stderr: 'prog: failed to execute name: Permission denied\n',
          end: 126,
        });
        expect(becoming('/nonexistent', at(`folder-${arch}`))).toMatchObject({
          stderr: 'prog: failed to execute name: Permission denied\n',
          end: 126,
        });
      });
      test('none there: the status for what is missing', () => {
        expect(becoming('/nonexistent')).toEqual({
          stdout: '',
          stderr: 'prog: failed to execute name: No such file or directory\n',
          end: 127,
        });
        expect(becoming('/nonexistent', '/etc/passwd/x')).toMatchObject({
          stderr: 'prog: failed to execute name: Not a directory\n',
          end: 126,
        });
      });
      test('any other error ends the search', () => {
        expect(becoming('n'.repeat(5000), '/bin/echo')).toEqual({
          stdout: '',
          stderr: 'prog: failed to execute name: File name too long\n',
          end: 126,
        });
      });
    });

    test('traces what it does', () => {
      const { stderr, stdout } = play(
        (sys) => {
          const fd = sys.ignoring().open('/nonexistent', O_RDONLY);
          sys.ignoring().close(fd);
          const child = sys.fork((other) => other.end(5));
          sys.wait(child);
          sys.become(['/bin/echo'], ['echo', 'a\nb']);
        },
        { playing: { trace: 2 } },
      );
      expect(stdout).toBe('a\nb\n');
      expect(stderr.replaceAll(/\b[1-9]\d{2,}\b/g, 'PID').split('\n')).toEqual([
        'openat(AT_FDCWD, "/nonexistent", O_RDONLY|O_CLOEXEC, 0) = -1 ENOENT (No such file or directory)',
        'close(-2) = -1 EBADF (Bad file descriptor)',
        expect.stringMatching(/^clone\(SIGCHLD.* = (PID|0|\d+)$/),
        expect.stringMatching(/^(clone\(SIGCHLD|wait4).*$/),
        expect.stringMatching(/^(wait4|clone).*$/),
        'execve("/bin/echo", ["echo", "a\\nb"])',
        '',
      ]);
    });

    test('takes back what belongs to a part of it only when that part fails', () => {
      const record = (fails: 'inside' | 'after') => (sys: TapeRecording) => {
        sys.undo((back) => back.print(2, ['all\n']));
        sys.undoing(
          (back) => back.print(2, ['part\n']),
          () => sys.chdir(fails === 'inside' ? '/nowhere' : '/'),
        );
        sys.chdir('/nowhere');
      };
      expect(play(record('inside')).stderr).toBe('prog: chdir failed: No such file or directory\npart\nall\n');
      expect(play(record('after')).stderr).toBe('prog: chdir failed: No such file or directory\nall\n');
    });

    test('prints what a call has read', () => {
      writeFileSync(at('text'), 'e some words\n');
      const { stdout, end } = play((sys) => {
        const buffer = Buffer.alloc(32);
        sys.read(sys.open(at('text'), O_RDONLY), buffer);
        sys.print(1, ['kernel: ', { read: buffer, from: 2 }]);
        sys.end(0);
      });
      expect({ stdout, end }).toEqual({ stdout: 'kernel: some words\n', end: 0 });
    });

    test('a child has namespaces of its own from the start', (context) => {
      if (arch !== host) context.skip('user-mode emulators cannot make namespaces');
      const { stdout, end } = play((sys) => {
        const child = sys.fork(
          (inside) => sh(inside, 'readlink /proc/self/ns/user; cat /proc/self/uid_map'),
          CLONE_NEWUSER,
        );
        sys.wait(child);
        sh(sys, 'readlink /proc/self/ns/user');
      });
      const [inside, outside] = stdout.trim().split('\n');
      expect({ end, inside }).toEqual({ end: 0, inside: expect.stringMatching(/^user:/) });
      expect(inside).not.toBe(outside);
    });

    describe('the command line that it shows', () => {
      const shown = (words: readonly string[], before: readonly string[]) =>
        play(
          (sys) => {
            sys.speakFor('prog', 'tool prog', 3, words).forkAndWait({});
            sh(sys, 'cat /proc/$PPID/cmdline; tr "\\0" "\\n" </proc/$PPID/environ | tail -n 1; echo "$LAST"');
          },
          { words: before, env: { PATH: '/usr/bin:/bin', LAST: 'one' } },
        ).stdout;
      const longer = ['ts-unshare', '-pf', 'a b', '', 'x'.repeat(10_000), '\udcff'];
      const CASES = [
        ['longer', longer, []],
        ['shorter', ['x'], ['much', 'longer', 'than', 'that']],
      ] as const;
      for (const [what, words, before] of CASES)
        test(`${what} than the one that it was started with`, (context) => {
          if (arch !== host) context.skip('of an emulator, it is the emulator’s');
          const bytes = words.map((word) => `${word.replace('\udcff', '\xff')}\0`).join('');
          expect(shown(words, before)).toBe(`${bytes}LAST=one\none\n`);
        });
    });

    test('asks no explainer by its path once paths may lead elsewhere: in that process, from then on', (context) => {
      if (arch !== host) context.skip('user-mode emulators cannot make namespaces');
      const explainer = at('explainer-moved');
      writeFileSync(explainer, '#!/bin/sh\necho "explained $4" >&2\n', { mode: 0o755 });
      const options = { playing: { explainer: { path: explainer, option: '--why' } } };
      const hidden = at('hidden');
      mkdirSync(hidden);
      const fail = (sys: Recording, what: string) => sys.or(what).explaining(what).chdir('/etc/passwd');
      const { stderr } = play((sys) => {
        sys.unshare(CLONE_NEWUSER | CLONE_NEWNS);
        sys.mount('none', '/', null, MS_REC | MS_PRIVATE);
        sys.wait(sys.fork((child) => fail(child, 'before')));
        sys.wait(
          sys.fork((child) => {
            child.ignoring().mount('x', '/nonexistent', 'tmpfs', 0);
            fail(child, 'refused');
          }),
        );
        sys.wait(
          sys.fork((child) => {
            child.mount('x', hidden, 'tmpfs', 0);
            fail(child, 'mounted');
          }),
        );
        sys.wait(
          sys.fork((child) => {
            child.undo((back) => back.chroot('/'));
            fail(child, 'taking back');
          }),
        );
        fail(sys, 'parent');
      }, options);
      const words = (what: string) => `prog: ${what}: Not a directory\n`;
      const explained = (what: string) => `${words(what)}explained tool prog ${what}\n`;
      expect(stderr).toBe(
        explained('before') + explained('refused') + words('mounted') + words('taking back') + explained('parent'),
      );
    });

    test('asks the explainer why it failed, with the status to end with', () => {
      const explainer = at(`explainer-${arch}`);
      writeFileSync(explainer, '#!/bin/sh\necho "$@" $FIRST >&2\nexit "$3"\n', { mode: 0o755 });
      const options = { playing: { explainer: { path: explainer, option: '--why' } } };
      expect(
        play((sys) => sys.or('no way', { status: 12 }).explaining('chdir /there').chdir('/etc/passwd'), options),
      ).toEqual({
        stdout: '',
        stderr: 'prog: no way: Not a directory\n--why 20 12 tool prog chdir /there\n',
        end: 12,
      });
      expect(
        play((sys) => sys.or('no').explaining('it').chdir('/etc/passwd'), {
          playing: { explainer: { path: explainer, option: '--why', variable: 'FIRST=of its own' } },
        }).stderr,
      ).toMatch(/ tool prog it of its own\n$/);
      expect(play((sys) => sys.or('no way', { status: 12 }).chdir('/etc/passwd'), options)).toMatchObject({
        stderr: 'prog: no way: Not a directory\n',
      });
    });
  });
