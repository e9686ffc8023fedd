import { readFileSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { both, expectSame } from '../harness/parity.ts';
import { isRoot, NOBODY, run, shell, temporaryFolder } from '../harness/run.ts';
import { needs, needsProgram, needsRoot } from '../harness/skip.ts';

const users = isRoot ? [0, NOBODY] : [undefined];

/** The host's name stands in its hosts file: what the original asks the name services for is found there. */
const isInHosts = () =>
  readFileSync('/etc/hosts', 'utf8').split(/\s+/).includes(hostname()) ? undefined : 'the host is not in /etc/hosts';

describe.each(users)('as user %s', (uid) => {
  for (const option of [[], ['-s'], ['--short'], ['-I']])
    test(`hostname ${option.join(' ')}`, (context) => {
      needs(context, needsProgram('hostname'));
      expectSame(['hostname', ...option], { uid });
    });
  for (const option of ['-f', '--fqdn', '--long', '-d', '-i', '-a'])
    test(`hostname ${option}`, (context) => {
      needs(context, needsProgram('hostname'), isInHosts);
      expectSame(['hostname', option], { uid });
    });
  test('dnsdomainname', (context) => {
    needs(context, needsProgram('dnsdomainname'), isInHosts);
    expectSame(['dnsdomainname'], { uid });
  });
  // That there is no NIS domain the original says on standard output.
  for (const argv of [['hostname', '-y'], ['hostname', '--nis'], ['domainname'], ['nisdomainname'], ['ypdomainname']])
    test(argv.join(' '), (context) => {
      needs(context, needsProgram(...argv.slice(0, 1)));
      const { original, ours } = both(argv, { uid });
      const said = ({ status, stdout, stderr }: typeof ours) => ({ status, text: stdout + stderr });
      expect(said(ours)).toEqual(said(original));
    });
});

/** What comes after `hostname`, in a UTS namespace of its own; then what the name is. */
const SETTING: readonly string[] = [
  'box',
  'box.example.org',
  '-- box',
  '-F FILE',
  '--file=FILE',
  '-F COMMENTS',
  '-F /nowhere',
  '-b box',
  '-b -F FILE',
  '-b -F /nowhere',
  '-b -F COMMENTS',
  '-b -F EMPTY',
  '-b',
  '-F NUL',
  "$(printf 'a\\377')",
  "box; echo '(none)' > /proc/sys/kernel/hostname; hostname -b -F /nowhere",
  '-y dom',
  "''",
  "'a b'",
  'a_b',
  'ab-',
  '-- -ab',
  '.ab',
  'ab.',
  'a..b',
  'a'.repeat(63),
  'a'.repeat(64),
  'a'.repeat(65),
];

describe('set', () => {
  for (const words of SETTING)
    test(`hostname ${words}`, (context) => {
      needs(context, needsRoot, needsProgram('hostname', 'unshare'));
      using folder = temporaryFolder();
      writeFileSync(join(folder.path, 'FILE'), '# comment\n\n  my-host  \nsecond\n');
      writeFileSync(join(folder.path, 'COMMENTS'), '# comment\n');
      writeFileSync(join(folder.path, 'NUL'), 'box\0y\n');
      writeFileSync(join(folder.path, 'EMPTY'), '');
      const script = `hostname ${words}; echo status $?; uname -n; cat /proc/sys/kernel/domainname`;
      // The original names no file in its message; ours says which one.
      const normalise = (text: string) => text.replace('cannot open /nowhere: ', '');
      const { original, ours } = both(['unshare', '-u', 'sh', '-c', script], { cwd: folder.path, normalise });
      expect({ ...ours, stderr: ours.stderr.replace(/^hostname: (letters|a name has).*\n/m, '') }).toEqual(original);
    });

  test('the name of the host itself is as before', () => {
    expect(run(['uname', '-n']).stdout.trim()).toBe(hostname());
  });
});

describe('without the right to', () => {
  for (const words of [['box'], ['-F', '/etc/hostname'], ['box', '--', 'echo', 'ran']])
    test(`hostname ${words.join(' ')}`, (context) => {
      needs(context, needsRoot);
      const { status, stdout, stderr } = run(['ts-hostname', ...words], { uid: NOBODY });
      expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
      expect(stderr).toMatch(/^ts-hostname: you must be root to change the host name(: Operation not permitted)?\n/);
      expect(stderr.split('\n')[1]).toContain('CAP_SYS_ADMIN');
    });
});

describe('N2 and beyond: a program behind the name', () => {
  test.each([
    'ts-unshare -u ts-hostname box uname -n',
    'ts-unshare -u ts-hostname box -- uname -n',
    'ts-unshare -Uru ts-hostname -- box uname -n',
    'ts-unshare -Uru ts-hostname -F "$FILE" -- uname -n',
    'unshare -Uru sh -c "hostname box; uname -n"',
  ])('%s', (script) => {
    using folder = temporaryFolder();
    const file = join(folder.path, 'name');
    writeFileSync(file, 'box\n');
    for (const env of [{}, { TS_TOOLS_NO_FUSE: '1' }]) {
      const uid = isRoot && script.includes('U') ? NOBODY : undefined;
      const options = { uid, env: { FILE: file, ...env }, compat: script.startsWith('unshare') };
      if (!isRoot && !script.includes('U')) continue;
      expect(shell(script, options)).toEqual({ status: 0, signal: null, stdout: 'box\n', stderr: '' });
    }
  });

  test('its status is that of the program', () => {
    const chain = (...program: string[]) => run(['ts-unshare', '-Uru', 'ts-hostname', 'box', ...program]);
    expect(chain('sh', '-c', 'exit 7').status).toBe(7);
    expect(chain('no-such-program').status).toBe(127);
    expect(chain('/etc/passwd').status).toBe(126);
  });

  test('a file that cannot be read: why is read', () => {
    const said = (file: string) => run(['ts-hostname', '-F', file], { uid: isRoot ? NOBODY : undefined });
    expect(said('/etc')).toMatchObject({ status: 1, stderr: expect.stringMatching(/directory/) });
    expect(said('/nowhere')).toMatchObject({
      status: 1,
      stderr: 'ts-hostname: cannot open /nowhere: No such file or directory\n',
    });
    if (isRoot) expect(said('/etc/shadow').stderr).toBe('ts-hostname: cannot open /etc/shadow: Permission denied\n');
  });

  test('-A: the names that /etc/hosts gives the addresses', (context) => {
    needs(context, needsRoot, needsProgram('ip'));
    using folder = temporaryFolder();
    writeFileSync(join(folder.path, 'hosts'), '198.51.100.7 box.example.org box\n127.0.0.1 localhost\n');
    const script = `ip link add d0 type veth peer name d1; ip link set d1 up; ip addr add 198.51.100.7/24 dev d0; ip addr add 198.51.100.8/24 dev d0; ip link set d0 up; mount --bind ${folder.path}/hosts /etc/hosts; ts-hostname -A`;
    expect(run(['unshare', '-mn', 'sh', '-c', script])).toMatchObject({ stdout: 'box.example.org \n', stderr: '' });
  });

  test('wrong usage', () => {
    expect(run(['ts-hostname', '-s', 'box'])).toMatchObject({ status: 255, stdout: '' });
    expect(run(['ts-hostname', '--bogus'])).toMatchObject({ status: 255, stdout: '' });
    expect(run(['ts-hostname', 'box', '-F', '/etc/hostname'], { uid: isRoot ? NOBODY : undefined }).status).not.toBe(0);
  });
});
