import { spawn } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { compatPath, isRoot, NOBODY, originalPath, run, shell, temporaryFolder } from '../harness/run.ts';
import { needs, needsProgram, needsRoot } from '../harness/skip.ts';
import { sleepingTarget } from '../harness/target.ts';

/** Word for word through the compat folder, and in our own names. */
const FORMS = [
  { form: 'original names', compat: true, lsns: 'lsns', unshare: 'unshare' },
  { form: 'our names', compat: false, lsns: 'ts-lsns', unshare: 'ts-unshare' },
] as const;

const idOf = (pid: number | string, kind: string) => Number(readlinkSync(`/proc/${pid}/ns/${kind}`).replace(/\D/g, ''));

/** A contained process: `exec sleep` as PID 1 of its namespaces. Ends with the scope. */
async function contained(options: readonly string[]): Promise<{ readonly pid: number } & Disposable> {
  const child = spawn('unshare', [...options, '-f', '--kill-child', 'sleep', '64'], { stdio: 'ignore' });
  const parent = child.pid as number;
  for (let tries = 0; tries < 200; tries++) {
    const pid = readFileSync(`/proc/${parent}/task/${parent}/children`, 'utf8').trim();
    if (pid && readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith('sleep\0'))
      return { pid: Number(pid), [Symbol.dispose]: () => child.kill('SIGKILL') };
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  child.kill('SIGKILL');
  throw new Error('the contained process did not start');
}

describe.each(FORMS)('N6, $form', ({ compat, lsns, unshare }) => {
  test('the namespaces of a contained process: type, number of processes, PID, user, command', async (context) => {
    needs(context, needsRoot);
    using box = await contained(['-muinpCT']);
    const { status, stdout, stderr } = shell(`${lsns} -p ${box.pid}`, { compat });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const [heading, ...lines] = stdout.trimEnd().split('\n');
    expect(heading?.trim().split(/ +/)).toEqual(['NS', 'TYPE', 'NPROCS', 'PID', 'USER', 'COMMAND']);
    const rows = lines.map((line) => line.trim().split(/ +/));
    expect(rows.map(([, type]) => type).sort()).toEqual(['cgroup', 'ipc', 'mnt', 'net', 'pid', 'time', 'user', 'uts']);
    for (const [ns, type] of rows) expect(Number(ns), type).toBe(idOf(box.pid, type as string));
    // The program alone is in the new PID and time namespaces; unshare, which waits for it, is in the others.
    const own = rows.filter(([, type]) => type === 'pid' || type === 'time');
    for (const row of own) expect(row.slice(2)).toEqual(['1', String(box.pid), 'root', '`-sleep', '64']);
    const shared = rows.filter(([, type]) => ['mnt', 'uts', 'ipc', 'net', 'cgroup'].includes(type as string));
    expect(shared.map(([, , processes]) => processes)).toEqual(['2', '2', '2', '2', '2']);
  });

  test('as an ordinary user, of one’s own', async () => {
    const uid = isRoot ? NOBODY : (process.getuid?.() as number);
    const box = sleepingTarget(['-UrmuinpCTf'], uid);
    try {
      const { status, stdout, stderr } = shell(`${lsns} -n -p ${box.pid} -o TYPE,NS,NPROCS,USER,COMMAND`, {
        compat,
        uid,
      });
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
      const rows = stdout
        .trimEnd()
        .split('\n')
        .map((line) => line.trim().split(/ +/));
      expect(rows.map(([type]) => type).sort()).toEqual(['cgroup', 'ipc', 'mnt', 'net', 'pid', 'time', 'user', 'uts']);
      for (const [type, ns, processes, user] of rows) {
        expect(Number(ns), type).toBe(idOf(box.pid, type as string));
        expect([type, processes, user]).toEqual([type, ['time', 'pid'].includes(type as string) ? '1' : '2', 'nobody']);
      }
    } finally {
      box[Symbol.dispose]();
    }
  });

  test('the processes of one namespace, and a namespace that there is not', async (context) => {
    needs(context, needsRoot);
    using box = await contained(['-u']);
    const id = idOf(box.pid, 'uts');
    const listed = shell(`${lsns} -no PID,COMMAND ${id}`, { compat });
    expect(listed.stdout).toMatch(
      /^ *\d+ unshare -u .*\n *\d+ └─sleep 64\n$|^ *\d+ unshare -u .*\n *\d+ `-sleep 64\n$/,
    );
    expect(shell(`${lsns} 4`, { compat })).toMatchObject({ status: 1, stderr: `${lsns}: not found namespace: 4\n` });
  });

  test('what nobody is in: held by a mount, a descriptor, a child', async (context) => {
    needs(context, needsRoot);
    using folder = temporaryFolder();
    const script = `
      mount -t tmpfs none ${folder.path} && touch ${folder.path}/uts ${folder.path}/net
      ${unshare} --uts=${folder.path}/uts true
      ${unshare} --net=${folder.path}/net true
      exec 7<${folder.path}/net; umount -l ${folder.path}/net
      ${unshare} -Ur ${unshare} -U sleep 65 & child=$!
      while [ "$(tr '\\0' ' ' </proc/$child/cmdline)" != 'sleep 65 ' ]; do sleep 0.1; done
      ${lsns} -Pno TYPE,NPROCS,HOLDERS -Q 'HOLDERS =~ "'${folder.path}'|^fd:'$$'/7|child"'
      kill $child`;
    const { stdout, stderr } = run(['unshare', '-m', 'sh', '-c', script], {
      env: { PATH: compat ? compatPath : originalPath },
    });
    expect(stderr).toBe('');
    expect(stdout).toMatch(new RegExp(`^uts +0 mount:${folder.path}/uts$`, 'm'));
    expect(stdout).toMatch(/^net +0 fd:\d+\/7(\+\d+)?$/m);
    expect(stdout).toMatch(/^user +0 child:\d+$/m);
  });
});

test('a network namespace that only a socket keeps alive, and who has that', (context) => {
  needs(context, needsRoot, needsProgram('python3'));
  const script = `import os, socket, ctypes, subprocess
leave = lambda: ctypes.CDLL(None).unshare(0x40000000)
leave(); ns = os.readlink('/proc/self/ns/net')[5:-1]; s = [socket.socket(socket.AF_UNIX), socket.socket()]; leave()
for fd in s: os.dup2(fd.fileno(), fd.fileno() + 20)
for words in ['-o NS,TYPE,NPROCS,PID,USER,COMMAND,HOLDERS', '-P -o HOLDERS', '-t net -o HOLDERS', '-t uts -o HOLDERS']:
    print(subprocess.run(f"ts-lsns -rn {words} -Q 'NS == {ns}'", shell=True, capture_output=True, text=True).stdout, end='')
print(os.getpid(), s[0].fileno())
nsid = subprocess.getoutput(f"ts-lsns -rno NSID -Q 'NS == {ns}'")
print(subprocess.getoutput(f"ts-nsenter --net=:{nsid} readlink /proc/self/ns/net") == f"net:[{ns}]" if nsid else True)
`;
  const { stdout, stderr } = run(['python3', '-c', script]);
  expect(stderr).toBe('');
  const [all, persistent, net, last, entered] = stdout.trimEnd().split('\n') as [
    string,
    string,
    string,
    string,
    string,
  ];
  const [pid, fd] = last.split(' ');
  const holders = `socket:${pid}/${fd}+3`;
  // An empty cell is nothing between two blanks.
  expect(all).toMatch(/^\d+ net 0 {2}root {2}socket:/);
  expect(all.split(' ').at(-1)).toBe(holders);
  expect([persistent, net, entered]).toEqual([holders, holders, 'True']);
});

test('filters, raw and JSON output', (context) => {
  needs(context, needsRoot);
  const all = JSON.parse(run(['ts-lsns', '-lJ', '-o', 'NS,TYPE,NPROCS', '-Q', 'TYPE == "uts" && NPROCS > 0']).stdout);
  expect(all.namespaces.length).toBeGreaterThan(0);
  for (const { ns, type, nprocs } of all.namespaces) {
    expect([typeof ns, type]).toEqual(['number', 'uts']);
    expect(nprocs).toBeGreaterThan(0);
  }
  expect(run(['ts-lsns', '-Q', 'NPROCS ==']).status).toBe(1);
  expect(run(['ts-lsns', '-Q', 'NOTHING == 1'])).toMatchObject({ status: 1, stdout: '' });
  const { stdout } = run(['ts-lsns', '-H', '-J', '-o', 'nope']);
  expect(stdout).toMatch(/^HOLDERS <string> {2}/m);
  expect(stdout).toMatch(/^ {5}NS <integer> /);
  expect(JSON.parse(run(['ts-lsns', '-J', '-H']).stdout)['lsns-columns'][0]).toMatchObject({ type: '<integer>' });
});
