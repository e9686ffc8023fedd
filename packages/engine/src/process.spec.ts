import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Exit, machine, testHost } from '../testing/host.ts';
import { process as ours, provide, started } from './process.ts';
import { hear } from './signals.ts';
import { setImmediate, setTimeout } from './timers.ts';

const SIGHUP = 1;
const SIGINT = 2;
const SIGTERM = 15;
const setOf = (...signals: number[]) => signals.reduce((set, signal) => set | (1n << BigInt(signal - 1)), 0n);

const fresh = structuredClone(machine);
beforeEach(() => {
  Object.assign(machine, structuredClone(fresh));
  started();
});

describe('process', () => {
  test('says who it is', () => {
    expect([ours.pid, ours.arch, ours.platform, ours.execPath]).toEqual([4321, 'x64', 'linux', '/usr/bin/ts-tools']);
    expect([ours.getuid(), ours.geteuid(), ours.getgid(), ours.getegid()]).toEqual([1000, 0, 100, 0]);
    expect(ours.argv).toEqual(['/usr/bin/ts-tools', 'ts-tool', '--option', 'value']);
    expect(ours.versions).toEqual({});
  });

  test('has the environment as getenv(3) sees it', () => {
    const { env } = ours;
    expect({ ...env }).toEqual({ PATH: '/usr/bin:/bin', EMPTY: '', TWICE: 'first', '=x': 'y', A: 'b=c' });
    expect([env.PATH, env.toString, 'A' in env, 'B' in env, env.NO_EQUALS]).toEqual([
      '/usr/bin:/bin',
      undefined,
      true,
      false,
      undefined,
    ]);
  });

  test('has one object for the environment, which can be written to', () => {
    const { env } = ours;
    env.NEW = 'value';
    (env as Record<string, unknown>).NUMBER = 5;
    delete env.A;
    expect([ours.env.NEW, ours.env.NUMBER, 'A' in ours.env]).toEqual(['value', '5', false]);
    expect(ours.env).toBe(env);
  });

  test('forgets the environment of another start', () => {
    const { env } = ours;
    expect(env.PATH).toBe('/usr/bin:/bin');
    machine.environment = ['HOME=/root'];
    started();
    expect({ ...env }).toEqual({ HOME: '/root' });
  });

  test('does not read the environment before it is asked for', () => {
    const read = vi.spyOn(testHost, 'environment');
    started();
    expect(Object.keys(ours)).toContain('env');
    expect(read).not.toHaveBeenCalled();
    read.mockRestore();
  });

  test('knows the working directory, or says why not, as Node does', () => {
    expect(ours.cwd()).toBe('/srv/here');
    machine.directory = -2;
    expect(() => ours.cwd()).toThrow(expect.objectContaining({ code: 'ENOENT', errno: -2, syscall: 'uv_cwd' }));
  });

  test('ends', () => {
    expect(() => ours.exit(3)).toThrow(new Exit(3));
    expect(() => ours.exit()).toThrow(new Exit(0));
  });

  test('sends signals by name and number', () => {
    expect(ours.kill(5, 'SIGINT')).toBe(true);
    ours.kill(5, 9);
    ours.kill(5);
    expect(machine.killed).toEqual([
      [5, 2],
      [5, 9],
      [5, 15],
    ]);
  });

  test('says as Node why a signal could not be sent', () => {
    machine.killResult = -3;
    const mine = () => ours.kill(2 ** 31 - 2, 0);
    expect(mine).toThrow(expect.objectContaining({ code: 'ESRCH', errno: -3, syscall: 'kill' }));
    expect(() => process.kill(2 ** 31 - 2, 0)).toThrow(
      expect.objectContaining({ code: 'ESRCH', errno: -3, syscall: 'kill' }),
    );
    for (const kill of [ours.kill, process.kill])
      expect(() => kill(5, 'SIGNOTHING')).toThrow(
        expect.objectContaining({ name: 'TypeError', code: 'ERR_UNKNOWN_SIGNAL' }),
      );
  });

  test('tells the time in nanoseconds', () => {
    expect(ours.hrtime.bigint()).toBe(5_000_000_000n);
  });

  test('does later what is to be done later', async () => {
    const order: unknown[] = [];
    ours.nextTick((...given) => order.push(given), 1, 2);
    order.push('now');
    await null;
    expect(order).toEqual(['now', [1, 2]]);
  });

  test('has the modules that it is given', () => {
    const module = {};
    provide('node:something', module);
    expect(ours.getBuiltinModule('node:something')).toBe(module);
    expect(ours.getBuiltinModule('node:nothing')).toBe(process.getBuiltinModule('node:nothing'));
  });

  test('tells how a run ends', () => {
    const heard: unknown[] = [];
    const listener = (error?: unknown) => heard.push(error);
    expect(ours.emit('uncaughtException', 1)).toBe(false);
    ours.on('uncaughtException', listener).on('beforeExit', listener);
    expect(ours.emit('uncaughtException', 2)).toBe(true);
    expect(ours.emit('beforeExit')).toBe(true);
    ours.off('uncaughtException', listener).removeListener('beforeExit', listener);
    expect([ours.emit('uncaughtException', 3), ours.emit('beforeExit')]).toEqual([false, false]);
    expect(heard).toEqual([2, undefined]);
  });

  test('refuses to be listened to for what it never tells', () => {
    for (const name of ['SIGUSR1', 'SIGCHLD', 'exit', 'message', 'unhandledRejection'])
      expect(() => ours.on(name, () => undefined)).toThrow(TypeError);
  });
});

describe('signals', () => {
  const heard: unknown[] = [];
  const listener = (signal: string, number: number) => heard.push([signal, number]);
  beforeEach(() => {
    heard.length = 0;
  });
  afterEach(() => {
    for (const name of ['SIGHUP', 'SIGINT', 'SIGTERM']) ours.off(name, listener);
  });

  test('are blocked as long as they are listened to', () => {
    ours.on('SIGINT', listener).on('SIGTERM', listener);
    expect(machine.blocked).toBe(setOf(SIGINT, SIGTERM));
    ours.off('SIGINT', listener);
    expect(machine.blocked).toBe(setOf(SIGTERM));
    ours.off('SIGTERM', listener);
    expect(machine.blocked).toBe(0n);
  });

  test('stay blocked where they were', () => {
    machine.blocked = setOf(SIGINT, 20);
    ours.on('SIGINT', listener).on('SIGHUP', listener);
    ours.off('SIGHUP', listener).off('SIGINT', listener);
    expect(machine.blocked).toBe(setOf(SIGINT, 20));
    ours.on('SIGHUP', listener).off('SIGHUP', listener);
    expect(machine.blocked).toBe(setOf(SIGINT, 20));
  });

  test('are heard when there is time', () => {
    ours.on('SIGINT', listener).on('SIGTERM', listener);
    machine.coming = [
      { signal: SIGTERM, after: 0 },
      { signal: SIGINT, after: 0 },
      { signal: SIGHUP, after: 0 },
    ];
    expect(heard).toEqual([]);
    hear();
    expect(heard).toEqual([
      ['SIGTERM', 15],
      ['SIGINT', 2],
    ]);
    expect(machine.coming).toEqual([{ signal: SIGHUP, after: 0 }]);
  });

  test('that came before a listener leaves are told to it, and end nothing', () => {
    ours.on('SIGINT', listener);
    machine.coming = [{ signal: SIGINT, after: 0 }];
    ours.off('SIGINT', listener);
    expect([heard, machine.coming]).toEqual([[['SIGINT', 2]], []]);
  });

  test('are told to each listener, as often as it listens', () => {
    ours.on('SIGINT', listener).on('SIGINT', listener);
    machine.coming = [{ signal: SIGINT, after: 0 }];
    hear();
    expect(heard).toHaveLength(2);
    ours.off('SIGINT', listener);
    expect(machine.blocked).toBe(setOf(SIGINT));
    ours.off('SIGINT', () => undefined);
    ours.off('SIGINT', listener);
    expect(machine.blocked).toBe(0n);
  });

  test('may make a listener leave', () => {
    const once = () => {
      heard.push('once');
      ours.off('SIGINT', once);
    };
    ours.on('SIGINT', once);
    machine.coming = [
      { signal: SIGINT, after: 0 },
      { signal: SIGINT, after: 5 },
    ];
    hear(10);
    expect([heard, machine.blocked]).toEqual([['once'], 0n]);
  });

  test('are heard while it waits, which takes as long all the same', async () => {
    ours.on('SIGTERM', listener);
    machine.coming = [{ signal: SIGTERM, after: 30 }];
    const before = machine.clock;
    expect(await setTimeout(50, 'value')).toBe('value');
    expect([heard, machine.clock - before]).toEqual([[['SIGTERM', 15]], 50_000_000n]);
  });

  test('are heard between two turns', async () => {
    ours.on('SIGTERM', listener);
    machine.coming = [{ signal: SIGTERM, after: 0 }];
    const before = machine.clock;
    expect(await setImmediate('value')).toBe('value');
    expect([heard, machine.clock]).toEqual([[['SIGTERM', 15]], before]);
  });

  test('waiting without a listener sleeps', async () => {
    const before = machine.clock;
    await setTimeout();
    await setTimeout(2.5);
    expect(machine.clock - before).toBe(4_000_000n);
  });
});
