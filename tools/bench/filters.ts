/** What a filter costs a program: system calls in a loop, without a filter, under ours, under libseccomp's of the same profile. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { AARCH64, callsOf, compilePolicy, DEFAULT_PROFILE, encodeProgram, resolveProfile, X86_64 } from '@ts/seccomp';
import { libseccompLines } from '@ts/seccomp/testing';
import type { Comparison, Contender } from './measure.ts';

/** Of a container. */
const CAPABILITIES = 0xa80425fbn;
const CALLS = '3000000';

/** Calls that the kernel knows to be always allowed, and one for which it runs the filter each time. */
const LOOPS = [
  ['getppid × 3 M', 'getppid', '0'],
  ['personality × 3 M', 'personality', '0xffffffff'],
] as const;

const compile = (source: string, program: string, ...options: string[]) =>
  execFileSync('gcc', ['-O2', '-o', program, resolve(source), ...options], { stdio: ['ignore', 'ignore', 'pipe'] });

/** Programs and filters lie in a folder that goes when the process ends. */
export function filterComparisons(): Comparison[] {
  const native = process.arch === 'arm64' ? AARCH64 : X86_64;
  const circumstances = { native, capabilities: CAPABILITIES, kernel: [6, 1] } as const;
  const folder = mkdtempSync(join(tmpdir(), 'ts-bench-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  const [loop, helper, own, library] = ['filtered', 'libseccomp', 'own.bpf', 'libseccomp.bpf'].map((name) =>
    join(folder, name),
  ) as [string, string, string, string];
  try {
    compile('tools/bench/filtered.c', loop);
  } catch {
    process.stdout.write('filters: left out (no C compiler)\n');
    return [];
  }
  writeFileSync(own, encodeProgram(compilePolicy(resolveProfile(DEFAULT_PROFILE, circumstances))));
  const contender = (who: string, filter: string, call: string, argument: string): Contender => ({
    who,
    argv: [loop, filter, CALLS, String(callsOf(native).get(call)), argument],
  });
  let hasLibrary = true;
  try {
    compile('packages/seccomp/testing/libseccomp.c', helper, '-lseccomp');
    const input = `${libseccompLines(DEFAULT_PROFILE, circumstances).join('\n')}\n`;
    writeFileSync(library, Buffer.from(execFileSync(helper, { input, encoding: 'utf8' }).trim(), 'hex'));
  } catch {
    hasLibrary = false;
    process.stdout.write('filters: without libseccomp’s (libseccomp-dev is not installed)\n');
  }
  return LOOPS.map(([name, call, argument]) => ({
    name,
    contenders: [
      contender('no filter', '-', call, argument),
      contender('ours, default profile', own, call, argument),
      ...(hasLibrary ? [contender('libseccomp’s', library, call, argument)] : []),
    ],
  }));
}
