/** `npm run images`: compiles the runner, the launcher and the prelude, and writes their bytes to packages/sys; what C shares with TypeScript is written first. */
import { writeFileSync } from 'node:fs';
import { COMPILERS, compile, compilerVersion, type Image } from '../packages/sys/runner/compile.ts';
import { headerText } from '../packages/sys/runner/header.ts';
import type { Arch } from '../packages/sys/src/arch.ts';

const FOLDER = 'packages/sys/runner';
const ARCHES = Object.keys(COMPILERS) as Arch[];

writeFileSync(`${FOLDER}/tape.generated.h`, headerText());

const lines = (name: string, image: Image) => [
  `export const ${name}: Readonly<Record<Arch, string>> = {`,
  ...ARCHES.map((arch) => `  ${arch}: '${compile(FOLDER, image, arch).toString('base64')}',`),
  '};',
];

const version = compilerVersion('x64');
if (version !== compilerVersion('arm64')) throw new Error('the two compilers differ in version');

writeFileSync(
  'packages/sys/src/tape/images.generated.ts',
  [
    '/** Made by `npm run images` from ../../runner. Base64 of the code, entry first. */',
    "import type { Arch } from '../arch.ts';",
    '',
    '/** Version of gcc that made these bytes. */',
    `export const COMPILER = '${version}';`,
    '',
    ...lines('RUNNER', 'runner'),
    '',
    ...lines('LAUNCHER', 'launcher'),
    '',
    ...lines('PRELUDE', 'prelude'),
    '',
  ].join('\n'),
);
