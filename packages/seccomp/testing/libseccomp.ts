/** What ./libseccomp.c is asked, so that libseccomp builds the filter of a profile as container runtimes have it built. */
import { resolve } from 'node:path';
import {
  AARCH64,
  ARM,
  type Architecture,
  type Circumstances,
  type Comparison,
  type Profile,
  resolveProfile,
  rulesFor,
  X32,
  X86,
  X86_64,
} from '../src/index.ts';

/** Its source, from the root of the workspace. To be linked with -lseccomp. */
export const HELPER = resolve(import.meta.dirname, 'libseccomp.c');

/** SCMP_ARCH_* of <seccomp.h>. */
export const SCMP_ARCHITECTURES: readonly (readonly [Architecture, scmp: number])[] = [
  [X86_64, 0xc000003e],
  [X86, 0x40000003],
  [X32, 0x4000003e],
  [AARCH64, 0xc00000b7],
  [ARM, 0x40000028],
];

export const scmpOf = (architecture: Architecture): number =>
  (SCMP_ARCHITECTURES.find(([each]) => each === architecture) as readonly [Architecture, number])[1];

/** SCMP_CMP_* of <seccomp.h>. */
export const OPS: Readonly<Record<Comparison, number>> = { NE: 1, LT: 2, LE: 3, EQ: 4, GE: 5, GT: 6, MASKED_EQ: 7 };

export function libseccompLines(profile: Profile, circumstances: Circumstances): string[] {
  const { architectures, otherArchitectures } = resolveProfile(profile, circumstances);
  return [
    `filter ${profile.defaultAction} ${otherArchitectures}`,
    ...architectures.map((each) => `arch ${scmpOf(each)}`),
    ...rulesFor(profile, circumstances).flatMap(({ names, action, conditions = [] }) => {
      const words = conditions.map(({ index, comparison, value, mask }) =>
        comparison === 'MASKED_EQ'
          ? `${index} ${OPS[comparison]} ${mask} ${value}`
          : `${index} ${OPS[comparison]} ${value} 0`,
      );
      return names.map((name) => ['rule', action, name, ...words].join(' '));
    }),
    'export',
  ];
}
