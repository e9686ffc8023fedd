/** Many processes that sleep, for tools that look at all of them. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** PIDs of the children of a process; none where it is gone. */
export const childrenOf = (pid: number): string[] => {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean);
  } catch {
    return []; // it has not started yet
  }
};

const never = new Int32Array(new SharedArrayBuffer(4));

export const pause = (milliseconds: number) => void Atomics.wait(never, 0, 0, milliseconds);

/**
 * Starts `count` processes in a PID namespace of their own: with its first process all end. That one waits for a pipe of ours,
 * so they end too when the benchmark is interrupted. Needs root.
 */
export function crowd(count: number): Disposable {
  const script = `i=0; while [ $i -lt ${count} ]; do sleep infinity <&- >&- 2>&- & i=$((i + 1)); done; read end; exit 0`;
  const made = spawn('unshare', ['--pid', '--fork', '--kill-child', 'sh', '-c', script], {
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  const first = () => Number(childrenOf(made.pid as number)[0]);
  const end = () => {
    made.stdin?.destroy();
    made.kill('SIGKILL');
  };
  for (let tries = 0; childrenOf(first()).length < count; tries++) {
    pause(100);
    if (tries < 600) continue;
    end();
    throw new Error(`${count} processes did not start`);
  }
  // All have become what they will be when the last one has.
  while (!readFileSync(`/proc/${childrenOf(first()).at(-1)}/comm`, 'utf8').startsWith('sleep')) pause(20);
  return { [Symbol.dispose]: end };
}
