/** Small C programs that the benchmark measures with. */
import { spawnSync } from 'node:child_process';

/** Whether the program could be made: not without a C compiler and what `options` name. */
export const compile = (source: string, program: string, ...options: string[]): boolean =>
  spawnSync('gcc', ['-O2', '-o', program, source, ...options], { stdio: 'ignore' }).status === 0;
