/** Small C programs that tests look at the system with, compiled when they are needed. */
import { execFileSync } from 'node:child_process';
import { original } from './run.ts';

export const needsCompiler = (): string | undefined => (original('gcc') ? undefined : 'no C compiler: gcc');

/** Throws with the compiler's words where it fails. */
export function compileC(source: string, program: string, ...options: string[]): void {
  execFileSync('gcc', ['-O1', '-Wall', '-Wextra', '-Werror', ...options, '-o', program, source], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
}
