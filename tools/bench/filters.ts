/** What a filter costs a program: system calls in a loop, without a filter, under ours, under libseccomp's of the same profile. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AARCH64, callsOf, compilePolicy, DEFAULT_PROFILE, encodeProgram, resolveProfile, X86_64 } from '@ts/seccomp';
import { libseccompLines } from '@ts/seccomp/testing';
import { compile } from './compile.ts';
import { type Bench, type Contender, say, timed } from './measure.ts';

/** Of a container. */
const CAPABILITIES = 0xa80425fbn;
const CALLS = '3000000';

/** Calls that the kernel knows to be always allowed, and one for which it runs the filter each time. */
const LOOPS = [
  ['getppid × 3 M', 'getppid', '0'],
  ['personality × 3 M', 'personality', '0xffffffff'],
] as const;

const native = process.arch === 'arm64' ? AARCH64 : X86_64;

interface Prepared {
  readonly loop: string;
  readonly own: string;
  readonly library?: string;
}

let prepared: Prepared | undefined;

/** Programs and filters lie in a folder that goes when the process ends. */
function prepare(): Prepared | undefined {
  if (prepared) return prepared;
  const circumstances = { native, capabilities: CAPABILITIES, kernel: [6, 1] } as const;
  const folder = mkdtempSync(join(tmpdir(), 'ts-bench-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  const [loop, helper, own, library] = ['filtered', 'libseccomp', 'own.bpf', 'libseccomp.bpf'].map((name) =>
    join(folder, name),
  ) as [string, string, string, string];
  if (!compile('tools/bench/filtered.c', loop)) {
    say('filters: left out (no C compiler)');
    return undefined;
  }
  writeFileSync(own, encodeProgram(compilePolicy(resolveProfile(DEFAULT_PROFILE, circumstances))));
  const hasLibrary = compile('packages/seccomp/testing/libseccomp.c', helper, '-lseccomp');
  if (hasLibrary) {
    const input = `${libseccompLines(DEFAULT_PROFILE, circumstances).join('\n')}\n`;
    writeFileSync(library, Buffer.from(execFileSync(helper, { input, encoding: 'utf8' }).trim(), 'hex'));
  } else say('filters: without libseccomp’s (libseccomp-dev is not installed)');
  prepared = { loop, own, ...(hasLibrary && { library }) };
  return prepared;
}

export const filterBenches = (): Bench[] =>
  LOOPS.map(([name, call, argument]) => ({
    name,
    run(runs) {
      const programs = prepare();
      if (!programs) return [];
      const { loop, own, library } = programs;
      const contender = (who: string, filter: string): Contender => ({
        who,
        argv: [loop, filter, CALLS, String(callsOf(native).get(call)), argument],
      });
      const contenders = [contender('no filter', '-'), contender('ours, default profile', own)];
      if (library !== undefined) contenders.push(contender('libseccomp’s', library));
      return timed({ name, contenders }).run(runs);
    },
  }));
