/** N5 and its kin: a namespace of each kind bound to a file by one tool, entered again by the other, given up by umount. */
import { mkdirSync, readFileSync } from 'node:fs';
import { describe, expect, onTestFinished, test } from 'vitest';
import { OwnGroup } from '../harness/cgroups.ts';
import { compatPath, isRoot, NOBODY, originalPath, run, temporaryFolder } from '../harness/run.ts';
import { needs, needsController, needsProgram, needsRoot } from '../harness/skip.ts';
import { sleepingTarget } from '../harness/target.ts';

const FORMS = [
  { form: 'original names', path: compatPath, nsenter: 'nsenter', unshare: 'unshare' },
  { form: 'our names', path: originalPath, nsenter: 'ts-nsenter', unshare: 'ts-unshare' },
] as const;

/**
 * The kernel binds only mount namespaces with a higher id than that of the one they are bound in, and on each processor alone
 * do ids rise: all is done on the first one that is allowed.
 */
const ON_ONE_PROCESSOR = [
  'taskset',
  '-c',
  /^Cpus_allowed_list:\s+(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0',
];

/**
 * What is done with the file F, and what is seen; afterwards F is unmounted and its namespace gone.
 *
 * It runs in a mount namespace of its own, in which mounts are private (a mount namespace cannot be bound where they are
 * shared) and of which nothing is left afterwards.
 */
function withFile({ path, nsenter, unshare }: (typeof FORMS)[number], script: string, kind: string, uid?: number) {
  using folder = temporaryFolder();
  const whole = `
    mount -t tmpfs none ${folder.path} && F=${folder.path}/ns && touch $F $F.user
    ${script.replaceAll('NSENTER', nsenter).replaceAll('UNSHARE', unshare)}
    bound=$(awk -v at=$F '$5 == at { print $4, $9 }' /proc/self/mountinfo)
    umount $F; awk '$5 == "'$F.user'"' /proc/self/mountinfo | grep -q . && umount $F.user
    id=$(echo "$bound" | tr -dc 0-9)
    echo "$bound" | sed 's/[0-9]*//g'
    ts-lsns -rno NS -t ${kind} | grep -c "^$id$"; grep -c " $F" /proc/self/mountinfo`;
  const { stdout, stderr } = run(
    [...ON_ONE_PROCESSOR, '/usr/bin/unshare', ...(uid ? ['-Ur'] : []), '-m', 'sh', '-c', whole],
    {
      env: { PATH: path },
      uid,
      cwd: '/',
    },
  );
  expect(stderr).toBe('');
  const lines = stdout.trimEnd().split('\n');
  // A file of nsfs was mounted; after umount no such namespace and no mount.
  expect(lines.slice(-3)).toEqual([`${kind}:[] nsfs`, '0', '0']);
  return lines.slice(0, -3).join('\n');
}

describe.each(FORMS)('$form', (form) => {
  const users = isRoot ? [undefined, NOBODY] : [process.getuid?.() as number];
  for (const uid of users) {
    test(`uts: the host name, user ${uid ?? 0}`, () => {
      const script = "UNSHARE --uts=$F sh -c 'hostname foobar'; NSENTER --uts=$F hostname; NSENTER -u$F hostname";
      expect(withFile(form, script, 'uts', uid)).toBe('foobar\nfoobar');
    });
    test(`ipc: a shared memory segment, user ${uid ?? 0}`, (context) => {
      needs(context, needsProgram('ipcmk', 'ipcs'));
      const script =
        'UNSHARE --ipc=$F ipcmk -M 123456 >/dev/null; NSENTER --ipc=$F ipcs -m | grep -c 123456; ipcs -m | grep -c 123456';
      expect(withFile(form, script, 'ipc', uid)).toBe('1\n0');
    });
    test(`net: a device, user ${uid ?? 0}`, (context) => {
      needs(context, needsProgram('ip'));
      const script =
        'UNSHARE --net=$F ip link add made0 type bridge; NSENTER --net=$F ip -o link | grep -c made0; ip -o link | grep -c made0';
      expect(withFile(form, script, 'net', uid)).toBe('1\n0');
    });
    test(`time: offsets of both clocks, user ${uid ?? 0}`, () => {
      const clocks = `${process.execPath} -p 'Math.floor(process.hrtime()[0] / 1e6)'; cut -d. -f1 /proc/uptime | sed 's/......$//'`;
      const script = `UNSHARE --time=$F --monotonic=3000000 --boottime=5000000 true; NSENTER --time=$F sh -c "${clocks}"`;
      expect(withFile(form, script, 'time', uid)).toBe('3\n5');
    });
  }

  test('mnt: a mount that is nowhere else', (context) => {
    needs(context, needsRoot);
    const script = `UNSHARE --mount=$F sh -c 'mount -t tmpfs inside /mnt; touch /mnt/seen'
      NSENTER --mount=$F sh -c 'ls /mnt; grep -c "^inside /mnt" /proc/mounts'; ls /mnt | grep -c seen`;
    expect(withFile(form, script, 'mnt')).toBe('seen\n1\n0');
  });
  test('mnt: below a shared mount it cannot be bound; the remedy is said', (context) => {
    needs(context, needsRoot);
    using folder = temporaryFolder();
    const script = `mount -t tmpfs none ${folder.path}; mount --make-shared ${folder.path}; touch ${folder.path}/ns
      ${form.unshare} --mount=${folder.path}/ns echo started; grep -c ' ${folder.path}/ns ' /proc/self/mountinfo`;
    const { stdout, stderr } = run(['/usr/bin/unshare', '-m', 'sh', '-c', script], { env: { PATH: form.path } });
    expect(stdout).toBe('0\n');
    expect(stderr).toMatch(/^\S+: mount \/proc\/\w+\/ns\/mnt on .*\/ns failed: Invalid argument\n.*private/);
  });
  test('pid: its first process is PID 1 for whoever enters', (context) => {
    needs(context, needsRoot);
    const script = `UNSHARE --pid=$F --fork --kill-child --mount-proc sleep 63 & waits=$!
      until child=$(cat /proc/$waits/task/$waits/children) && [ "$(exec 2>/dev/null; tr '\\0' ' ' </proc/\${child% }/cmdline)" = 'sleep 63 ' ]; do sleep 0.05; done
      NSENTER --pid=$F --mount=/proc/\${child% }/ns/mnt sh -c 'cat /proc/1/comm; test $$ -lt 10 && echo low'
      kill -KILL $waits; while kill -0 \${child% } 2>/dev/null; do sleep 0.05; done`;
    expect(withFile(form, script, 'pid')).toBe('sleep\nlow');
  });
  test('cgroup: the root of the view', (context) => {
    needs(context, needsRoot, needsController('memory'));
    using group = new OwnGroup();
    mkdirSync(group.directory('memory'));
    const script = `echo $$ > ${group.directory('memory')}/cgroup.procs
      UNSHARE --cgroup=$F true; NSENTER --cgroup=$F grep memory /proc/self/cgroup | cut -d: -f2,3; grep memory /proc/self/cgroup | cut -d: -f3
      echo $$ > ${group.directory('memory')}/../cgroup.procs; NSENTER --cgroup=$F grep memory /proc/self/cgroup | cut -d: -f3`;
    expect(withFile(form, script, 'cgroup')).toBe(`memory:/\n/${group.name}\n/..`);
  });
  test('user: the map of ids, alone and with another kind that it owns', (context) => {
    needs(context, needsRoot);
    const script = `UNSHARE --user=$F.user --uts=$F -S0 -G0 --map-users=0:70000:5 --map-groups=0:80000:5 sh -c 'hostname both'
      NSENTER --user=$F.user --uts=$F sh -c 'hostname; id -u; id -g; cat /proc/self/uid_map /proc/self/gid_map' | tr -s ' '
      NSENTER --user=$F.user -S 4 -G 3 sh -c 'id -u; id -g; hostname' | tr '\\n' ' ' | sed "s/$(hostname)/host/"; echo`;
    expect(withFile(form, script, 'uts')).toBe('both\n0\n0\n 0 70000 5\n 0 80000 5\n4 3 host ');
  });
});

describe.each(FORMS)('without a file, $form', ({ path, nsenter, unshare }) => {
  const users = isRoot ? [0, NOBODY] : [process.getuid?.() as number];
  const seen = (script: string, uid: number) => {
    const { stdout, stderr } = run(['sh', '-c', script], { env: { PATH: path }, uid, cwd: '/' });
    expect(stderr).toBe('');
    return stdout;
  };
  for (const uid of users) {
    const own = uid === 0 ? '' : 'r';
    test(`a cgroup namespace: every group is / inside, the same from the target, user ${uid}`, () => {
      const paths = (text: string) =>
        new Set(
          text
            .trim()
            .split('\n')
            .map((line) => line.replace(/^.*:/, '')),
        );
      expect(paths(seen(`${unshare} -${own}C cat /proc/self/cgroup`, uid))).toEqual(new Set(['/']));
      const target = sleepingTarget([`-${own}C`], uid);
      onTestFinished(() => target[Symbol.dispose]());
      const words = `${uid === 0 ? '' : '-U --preserve-credentials'} -C -t ${target.pid}`;
      expect(paths(seen(`${nsenter} ${words} cat /proc/self/cgroup`, uid))).toEqual(new Set(['/']));
    });
    test(`a time namespace: offsets forward and back, of the child and of who enters, user ${uid}`, () => {
      const [uptime] = readFileSync('/proc/uptime', 'utf8').split('.');
      const back = Math.floor(Number(uptime) / 2);
      const clocks = `${process.execPath} -p 'Math.floor(process.hrtime()[0] / 1e6)'; cut -d. -f1 /proc/uptime; cat /proc/self/timens_offsets`;
      const [monotonic, boottime, ...offsets] = seen(
        `${unshare} -${own}fT --monotonic=4000000 --boottime=-${back} sh -c "${clocks}"`,
        uid,
      )
        .trim()
        .split('\n');
      expect(monotonic).toBe('4');
      expect(Number(boottime)).toBeLessThan(Number(uptime) - back + 60);
      expect(offsets.map((line) => line.trim().split(/\s+/))).toEqual([
        ['monotonic', '4000000', '0'],
        ['boottime', `-${back}`, '0'],
      ]);
      const target = sleepingTarget([`-${own}fT`, '--boottime=7000000'], uid);
      onTestFinished(() => target[Symbol.dispose]());
      const words = `${uid === 0 ? '' : '-U --preserve-credentials'} -T -t ${target.pid}`;
      expect(Number(seen(`${nsenter} ${words} cut -d. -f1 /proc/uptime`, uid))).toBeGreaterThan(7_000_000);
    });
  }
});
