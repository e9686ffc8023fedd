import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { OwnGroup, trees } from '../harness/cgroups.ts';
import { both, originals } from '../harness/parity.ts';
import { compatPath, run, temporaryFolder } from '../harness/run.ts';
import { needs, needsController, needsProgram, needsRoot } from '../harness/skip.ts';

const ORIGINALS = originals();

/**
 * The installed original stops at the first controller that is in no v1 hierarchy, so all are mounted, in a mount namespace
 * of the test's own.
 */
function everythingMounted(folder: string, lines: readonly string[]) {
  const mounted = trees().flatMap(({ controllers }) => controllers);
  const free = readFileSync('/proc/cgroups', 'utf8')
    .split('\n')
    .flatMap((row) => /^(\w+)\t.*1$/.exec(row)?.[1] ?? [])
    .filter((name) => !mounted.includes(name));
  const mounts = free.map(
    (name) => `mkdir -p ${folder}/${name}; mount -t cgroup -o ${name} none ${folder}/${name} || exit 77`,
  );
  const cpu = trees().find(({ controllers }) => controllers.includes('cpu'))?.mount;
  const v2 = /^\d+ \d+ \S+ \S+ (\S+) .* - cgroup2 /m.exec(readFileSync('/proc/self/mountinfo', 'utf8'))?.[1];
  const script = [
    v2 ? `umount ${v2}` : 'true',
    ...mounts,
    `mkdir -p ${folder}/again; mount --bind ${cpu} ${folder}/again`,
    ...lines.flatMap((line) =>
      [ORIGINALS, compatPath].map(
        (path) => `echo "-- ${line}"; PATH=${path} ${line} 2>&1; echo "status $?"; echo ----`,
      ),
    ),
  ].join('\n');
  const { status, stdout, stderr } = run(['unshare', '-m', 'sh', '-c', script]);
  const results = stdout.split('----\n').slice(0, -1);
  const every = (first: 0 | 1) => results.filter((_, index) => index % 2 === first);
  return { mounted: status !== 77, original: every(0), ours: every(1), stderr };
}

const LSSUBSYS = [
  ...[
    '',
    '-a',
    '-i',
    '-m',
    '-M',
    '-ai',
    '-am',
    '-ami',
    '-aM',
    '--all --mount-points',
    'cpu memory',
    '-m cpu',
    'nosuch',
  ],
  ...['-M cpu', '-mi cpu', '--hierarchies pids', '-a cpu', 'cpu nosuch', '--all-mount-points cpu', '-i memory cpu'],
];

describe('lssubsys', () => {
  test('in every option as the original', (context) => {
    needs(context, needsRoot, needsController('cpu', 'memory'), needsProgram('lssubsys'));
    using folder = temporaryFolder();
    const lines = LSSUBSYS.map((options) => `lssubsys ${options}`);
    const { mounted, original, ours, stderr } = everythingMounted(folder.path, lines);
    if (!mounted) context.skip('a controller cannot be mounted');
    expect({ ours, stderr }).toEqual({ ours: original, stderr: '' });
    expect(ours).toHaveLength(LSSUBSYS.length);
    expect(ours[0]).toMatch(/^-- lssubsys \n[\w,\n]*\bcpu\b[\w,\n]+\nstatus 0\n$/);
  });

  test('the v2 tree is listed, too, and as JSON', (context) => {
    needs(context, needsRoot, needsController('cpu'));
    const lines = JSON.parse(run(['ts-lssubsys', '-a', '--json']).stdout);
    expect(lines).toContainEqual({
      controllers: ['cpu'],
      version: 1,
      hierarchy: expect.any(Number),
      mounts: [expect.any(String)],
    });
    for (const { version, controllers } of lines) {
      expect([1, 2, null]).toContain(version);
      expect(controllers.length).toBeGreaterThan(0);
    }
  });
});

describe('cgsnapshot', () => {
  /** What the original prints of the test's own groups. */
  const ownOnly = (name: string) => (text: string) => {
    const [head = '', ...groups] = text.split(/^(?=group )/m);
    return (
      [head, ...groups.filter((group) => group.startsWith(`group ${name}`))]
        .join('')
        .replaceAll(name, 'G')
        .replace(/^(cgsnapshot: )?WARNING/gm, 'WARNING')
        // As newer originals say it.
        .replaceAll('is neither blacklisted nor whitelisted', 'is neither deny nor allow list')
        // The v2 tree, which the installed original does not know.
        .replace(/^\t\w+ = .*\/unified;\n/m, '')
    );
  };
  const setUp = (name: string) => {
    run(['ts-cgcreate', '-g', `cpu,pids,memory,devices,freezer:${name}/kid`]);
    run(['ts-cgcreate', '-t', 'nobody:nogroup', '-a', 'daemon:daemon', '-g', `cpu:${name}/given`]);
    run(['ts-cgcreate', '-t', 'nobody:nogroup', '-g', `cpu:${name}/tasks`]);
    run(['ts-cgset', '-r', 'cpu.shares=77', '-r', 'pids.max=9', name]);
  };

  for (const options of [
    '-s cpu',
    'cpu',
    '-s cpu pids',
    '-t cpu',
    'nosuch',
    '-w $F/white pids',
    '-tw $F/white pids',
    '-s',
    '-s devices',
    '-s memory freezer',
    '-b $F/black2 -s pids',
  ])
    test(options, (context) => {
      needs(
        context,
        needsRoot,
        needsController('cpu', 'pids', 'memory', 'devices', 'freezer'),
        needsProgram('cgsnapshot'),
      );
      using folder = temporaryFolder();
      using group = new OwnGroup();
      setUp(group.name);
      writeFileSync(join(folder.path, 'black'), '# comment\n');
      writeFileSync(join(folder.path, 'black2'), 'pids.max\n');
      writeFileSync(join(folder.path, 'white'), 'pids.max\n');
      const line = `cgsnapshot ${options.includes('-b') ? '' : '-b $F/black'} ${options}`.replaceAll('$F', folder.path);
      const { original, ours } = both(['sh', '-c', line], { normalise: ownOnly(group.name) });
      expect(ours).toEqual(original);
    });

  test('-f writes to a file; a list that is missing is an error, the default one is not', (context) => {
    needs(context, needsRoot, needsController('cpu', 'pids'), needsProgram('cgsnapshot'));
    using folder = temporaryFolder();
    using group = new OwnGroup();
    setUp(group.name);
    writeFileSync(join(folder.path, 'black'), '');
    const file = join(folder.path, 'out');
    const texts = [ORIGINALS, compatPath].map((PATH) => {
      run(['sh', '-c', `cgsnapshot -s -b ${folder.path}/black -f ${file} pids`], { env: { PATH } });
      return ownOnly(group.name)(readFileSync(file, 'utf8'));
    });
    expect(texts[1]).toBe(texts[0]);
    const missing = both(['cgsnapshot', '-w', '/no/such', 'cpu']);
    expect(missing.ours).toMatchObject({
      // As newer originals; the installed one returns 1.
      status: 129,
      stderr: 'cgsnapshot: Failed to open file /no/such: No such file or directory\n',
    });
    expect([1, 129]).toContain(missing.original.status);
    expect(run(['ts-cgsnapshot', '-s', 'pids'])).toMatchObject({ status: 0, stderr: '' });
    const unwritable = both(['cgsnapshot', '-b', join(folder.path, 'black'), '-f', '/no/such', 'cpu']);
    expect(unwritable.ours).toMatchObject({ status: unwritable.original.status });
    const objects = JSON.parse(run(['ts-cgsnapshot', '-s', '--json', 'pids']).stdout);
    expect(objects.groups).toContainEqual(
      expect.objectContaining({
        group: group.name,
        settings: expect.arrayContaining([{ name: 'pids.max', value: '9' }]),
      }),
    );
  });
});

describe('cgset -R and cgget -m, of newer originals than the installed one', () => {
  test('-R sets the groups below, too', (context) => {
    needs(context, needsRoot, needsController('cpu', 'pids'));
    using group = new OwnGroup();
    const { name } = group;
    run(['ts-cgcreate', '-g', `cpu:${name}/a/b`, '-g', `pids:${name}`]);
    expect(run(['ts-cgset', '-b', '-R', '-r', 'cpu.shares=300', '-r', 'pids.max=7', name])).toMatchObject({
      status: 0,
      stderr: '',
    });
    expect(run(['ts-cgget', '-bnv', '-r', 'cpu.shares', name, `${name}/a`, `${name}/a/b`]).stdout).toBe(
      '300\n300\n300\n',
    );
    expect(run(['ts-cgset', '--rule', 'cpu.shares=301', name])).toMatchObject({ status: 0 });
    expect(run(['ts-cgget', '-nv', '-r', 'cpu.shares', name, `${name}/a`]).stdout).toBe('301\n300\n');
  });

  test('-m names the mode', (context) => {
    needs(context, needsRoot, needsController('cpu'));
    const isHybrid = / - cgroup2 /.test(readFileSync('/proc/self/mountinfo', 'utf8'));
    expect(run(['ts-cgget', '-m']).stdout).toBe(
      isHybrid ? 'Hybrid mode (Cgroup v1/v2).\n' : 'Legacy Mode (Cgroup v1 only).\n',
    );
  });
});
