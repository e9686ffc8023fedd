/** S3: labels of mandatory access control where the kernel has them, a clear error where not. */
import { afterAll, describe, expect, test } from 'vitest';
import { runBatch } from '../harness/batch.ts';
import { shell, temporaryFolder } from '../harness/run.ts';
import { needs, needsModule, needsRoot } from '../harness/skip.ts';

const scratch = temporaryFolder();
afterAll(() => scratch[Symbol.dispose]());

const CURRENT = 'cat /proc/self/attr/current';

describe('SELinux', () => {
  const OWN = 'unconfined_u:unconfined_r:unconfined_t';
  const scripts = [
    `ts-setpriv --selinux-label ${OWN}:s0:c1 ${CURRENT}`,
    `ts-setpriv --reuid 1000 --regid 1000 --clear-groups --selinux-label ${OWN}:s0:c2 ${CURRENT}`,
    `ts-setpriv --selinux-label ${OWN}:s0:c3 ts-prlimit --core=0 ${CURRENT}`,
    `ts-setpriv --selinux-label ${OWN}:s0:c4 sh -c '${CURRENT} && ${CURRENT}'`,
    'ts-setpriv --selinux-label nonsense echo ran',
    'ts-setpriv --selinux-label system_u:system_r:no_such_t:s0 echo ran',
    'ts-setpriv --dump | tail -n 1',
    'mkdir -p tree/sub && touch tree/sub/file && ln -s file tree/sub/link && ts-setpriv --file-label etc_t=tree && ls -dZ tree/sub tree/sub/* | cut -d" " -f1 | cut -d: -f3',
    'mkdir tree && ts-setpriv --file-label system_u:object_r:bin_t:s0=tree ls -dZ tree',
    'mkdir tree && ls -dZ tree >before && ts-setpriv --file-label no_such_t=tree echo ran; ls -dZ tree | cmp - before',
    `mkdir m && ts-unshare -m sh -c 'ts-mount -t tmpfs -o context=system_u:object_r:usr_t:s0,size=1m none m && touch m/f && ls -Z m; ts-setpriv --file-label bin_t=m echo ran'`,
    `mkdir m && ts-unshare -m sh -c 'ts-mount -t tmpfs -o "context=\\"system_u:object_r:etc_t:s0:c1,c2\\"" none m && ls -dZ m'`,
  ] as const;
  let results: ReturnType<typeof runBatch> | undefined;
  const resultOf = (index: number) => {
    results ??= runBatch(scripts, 'ours');
    return results[index] as (typeof results)[number];
  };

  const EXPECTED: readonly { says: string; status: number; stdout: RegExp; stderr?: RegExp }[] = [
    { says: 'a program under a label', status: 0, stdout: /^unconfined_u:unconfined_r:unconfined_t:s0:c1\0?$/ },
    { says: 'as an ordinary user', status: 0, stdout: /:s0:c2\0?$/ },
    { says: 'through another tool of the chain', status: 0, stdout: /:s0:c3\0?$/ },
    { says: 'children have it, too', status: 0, stdout: /:s0:c4\0?unconfined.*:s0:c4\0?$/ },
    { says: 'what is no label is refused', status: 127, stdout: /^$/, stderr: /knows no context 'nonsense'/ },
    {
      says: 'a type that the policy lacks is refused',
      status: 127,
      stdout: /^$/,
      stderr: /Invalid argument\n.*no_such_t/,
    },
    { says: '--dump shows it', status: 0, stdout: /^SELinux label: unconfined_u:/ },
    { says: 'a type for a tree, links included', status: 0, stdout: /^etc_t\netc_t\netc_t\n$/ },
    { says: 'a label for a tree, and then a program', status: 0, stdout: /^system_u:object_r:bin_t:s0 tree\n$/ },
    { says: 'an unknown type leaves the tree as it is', status: 0, stdout: /^$/, stderr: /knows no label/ },
    {
      says: 'a mount with one label for all',
      status: 1,
      stdout: /^system_u:object_r:usr_t:s0 f\n$/,
      stderr: /mounted with one for all/,
    },
    { says: 'a mount with categories', status: 0, stdout: /^system_u:object_r:etc_t:s0:c1,c2 m\n$/ },
  ];
  EXPECTED.forEach(({ says, status, stdout, stderr = /^$/ }, index) => {
    test(says, { timeout: 300_000 }, (context) => {
      needs(context, needsRoot, needsModule('SELinux'));
      const result = resultOf(index);
      expect(result.stdout, result.stderr).toMatch(stdout);
      expect(result.stderr).toMatch(stderr);
      expect(result.status).toBe(status);
    });
  });
});

/** Writes nothing below /tmp. Sockets are allowed, too: the output of a test is one. */
const PROFILE = `profile ts-e2e-labels flags=(attach_disconnected) {
  file,
  capability,
  signal,
  network,
  unix,
  deny /tmp/** w,
}
`;

describe('AppArmor', () => {
  test('a program under a profile, its rules, and what is refused', { timeout: 300_000 }, (context) => {
    needs(context, needsRoot, needsModule('AppArmor'));
    const under = 'ts-setpriv --apparmor-profile ts-e2e-labels';
    const script = `cat >profile <<'END'
${PROFILE}END
apparmor_parser -r profile || exit 9
${under} ${CURRENT}
${under} ts-prlimit --core=0 ${CURRENT}
${under} --reuid 1000 --regid 1000 --clear-groups ${CURRENT}
${under} sh -c 'touch /tmp/ts-e2e-refused' || echo refused
${under} ts-setpriv --dump | tail -n 1
ts-setpriv --apparmor-profile ts-e2e-no-such echo ran || echo $?
apparmor_parser -R profile`;
    const { status, stdout, stderr } = shell(script, { cwd: scratch.path, timeout: 200_000 });
    expect({ status, stdout }, stderr).toEqual({
      status: 0,
      stdout: `${'ts-e2e-labels (enforce)\n'.repeat(3)}refused\nAppArmor profile: ts-e2e-labels (enforce)\n127\n`,
    });
    expect(stderr).toMatch(/no profile 'ts-e2e-no-such' is loaded/);
  });
});

describe('where there is none', () => {
  for (const [module, option] of [
    ['SELinux', '--selinux-label x'],
    ['SELinux', '--file-label x=/tmp'],
    ['AppArmor', '--apparmor-profile x'],
  ] as const)
    test(`${option} is a clear error, and nothing is run`, (context) => {
      if (needsModule(module)() === undefined) context.skip(`${module} runs here`);
      const { status, stdout, stderr } = shell(`ts-setpriv ${option} echo ran`);
      expect({ status, stdout }).toEqual({ status: 127, stdout: '' });
      expect(stderr).toMatch(new RegExp(`^ts-setpriv: ${module} is not running\nts-setpriv: .*booted with`));
    });
});
