/** What `npm run images` writes is current: the checked-in bytes of the runner, the launcher and the prelude are those of their source. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { COMPILERS, compile, compilerVersion } from '../runner/compile.ts';
import { headerText } from '../runner/header.ts';
import type { Arch } from '../src/index.ts';
import { COMPILER, LAUNCHER, PRELUDE, RUNNER } from '../src/tape/images.generated.ts';

const SOURCES = join(import.meta.dirname, '../runner');
const IMAGES = { runner: RUNNER, launcher: LAUNCHER, prelude: PRELUDE } as const;

test('what C shares with TypeScript', () => {
  expect(readFileSync(join(SOURCES, 'tape.generated.h'), 'utf8')).toBe(headerText());
});

for (const arch of Object.keys(COMPILERS) as Arch[])
  describe(`images for ${arch}`, () => {
    for (const [name, bytes] of Object.entries(IMAGES) as [keyof typeof IMAGES, Record<Arch, string>][])
      test(name, (context) => {
        const version = compilerVersion(arch);
        if (version === undefined) context.skip(`no compiler: ${COMPILERS[arch]}`);
        if (version !== COMPILER) context.skip(`the bytes are those of gcc ${COMPILER}, here is ${version}`);
        expect(compile(SOURCES, name, arch).toString('base64')).toBe(bytes[arch]);
      });

    test('are small: a page or two of code to audit', () => {
      expect(Buffer.from(RUNNER[arch], 'base64').length).toBeLessThan(4096);
      expect(Buffer.from(LAUNCHER[arch], 'base64').length).toBeLessThan(8192);
      expect(Buffer.from(PRELUDE[arch], 'base64').length).toBeLessThan(8192);
    });
  });
