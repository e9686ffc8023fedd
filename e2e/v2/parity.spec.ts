/** libcgroup's tools and ours side by side on a host with cgroup v2 alone. */
import { afterAll, describe, expect, test } from 'vitest';
import { type BatchResult, batchBoth, expectDifferent } from '../harness/batch.ts';
import { needsV2, v2Tree } from '../harness/cgroups.ts';
import { saysTheSame } from '../harness/parity.ts';
import { uniqueName } from '../harness/run.ts';
import { needs, needsProgram, needsRoot } from '../harness/skip.ts';

const checks = [
  needsRoot,
  ...['cpu', 'memory', 'pids'].map(needsV2),
  needsProgram('cgcreate', 'cgset', 'cgget', 'cgexec', 'cgclassify', 'cgdelete', 'lscgroup', 'lssubsys'),
];
const usable = checks.every((check) => check() === undefined);
const tree = usable ? v2Tree() : undefined;
afterAll(() => tree?.[Symbol.dispose]());

const GROUP = uniqueName('ts-e2e');
const TOP = `${tree?.mount}/${GROUP}`;

/** The group hands three controllers down to run (with values of its own) and other; bare lies below other, without any. */
const before = `echo '+cpu +memory +pids' >${tree?.mount}/cgroup.subtree_control
mkdir ${TOP}; echo '+cpu +memory +pids' >${TOP}/cgroup.subtree_control; mkdir ${TOP}/run ${TOP}/other ${TOP}/other/bare
echo 77 >${TOP}/run/cpu.weight; echo 9 >${TOP}/run/pids.max`;

/** What is there afterwards; then all of it goes. */
const after = `(cd ${tree?.mount}; find ${GROUP} -type d | sort
grep -H . ${GROUP}/run/cpu.weight ${GROUP}/run/cpu.max ${GROUP}/run/memory.max ${GROUP}/run/pids.max ${GROUP}/*/cgroup.controllers)
find ${TOP} -depth -type d | while read d; do echo 1 >$d/cgroup.kill
  for i in 1 2 3 4 5 6 7 8 9; do rmdir $d 2>/dev/null && break; sleep 0.05; done; done
[ ! -e ${TOP} ]`;

/** The same to the letter in what is printed, returned and left behind; error lines may say more. */
const SAME = [
  'cgcreate -g cpu,memory:$G/new',
  'cgcreate -g cpu:$G/new/a/b',
  'cgcreate -a daemon:daemon -d 750 -f 660 -g cpu:$G/new; stat -c "%n %A %U:%G" $TOP/new $TOP/new/*',
  'cgset -r cpu.weight=50 -r cpu.max="30000 100000" -r memory.max=10M -r pids.max=5 $G/run',
  'cgset -r cpu.weight=abc $G/run',
  'cgset -r cpu.nosuch=1 $G/run',
  'cgset -r cpu.weight=1 $G/none',
  'cgset -r cgroup.freeze=1 $G/run; cat $TOP/run/cgroup.freeze',
  'cgdelete -r cpu:$G memory:$G',
  'cgget -r cpu.weight -r cpu.max -r memory.max $G/run $G/other',
  'cgget -nv -r cpu.stat -r cgroup.type $G/run',
  'cgget -g cpu:$G/run | grep -v -e pressure -e avg10',
  'cgget -r cpu.nosuch $G/run',
  'cgexec -g cpu,memory:$G/run -g pids:$G/run sh -c "cat /proc/self/cgroup; exit 7"',
  'cgexec --sticky -g cpu:$G/other/bare cat /proc/self/cgroup',
  'cgexec -g cpu:$G true',
  'cgexec -g cpu:$G/none true',
  'sleep 9 & cgclassify -g cpu,memory:$G/run $!; cat /proc/$!/cgroup; kill $!',
  'sleep 9 & cgclassify -g cpu:$G $!; cat /proc/$!/cgroup; kill $!',
  'cgclassify -g cpu:$G/run 4194303',
  'cgdelete -g cpu,memory:$G/run',
  'cgdelete cpu:$G',
  'cgdelete -r cpu,memory,pids:$G',
  'cgexec -g cpu:$G/run sleep 9 & sleep 1; cgdelete cpu:$G/run; kill $!',
  'sleep 9 & cgclassify -g cpu:$G/other/bare $!; cat /proc/$!/cgroup; kill $!',
  'sleep 9 & echo $! >$TOP/other/bare/cgroup.procs; cgdelete -r cpu:$G/other; cat /proc/$!/cgroup; kill $!',
  'lscgroup -g cpu,memory:/$G/',
  'lscgroup memory:$G/run',
] as const;

/** What ours does and says instead, and why. */
const DIFFERENT: readonly ({ readonly line: string; readonly why: string } & Parameters<typeof expectDifferent>[1])[] =
  [
    {
      line: 'cgcreate -t nobody:nogroup -a daemon:daemon -g cpu:$G/new; stat -c %U $TOP/new/cgroup.procs $TOP/new/cpu.max',
      why: 'cgroup.procs is what tasks is on v1',
      status: 0,
      stdout: 'nobody\ndaemon\n',
    },
    {
      line: 'cgcreate -g cpu,nosuch:$G/new',
      why: 'as newer originals',
      status: 91,
      stderr: /^cgcreate: controller nosuch can't be add\n/,
      left: /^(?!.*\/new$)/,
    },
    {
      line: 'cgexec -g nosuch:$G/run true',
      why: 'as newer originals',
      status: 87,
    },
    ...['other', ''].map((group) => ({
      line: `cgset --copy-from $G/run $G/${group}; cat $TOP/${group}/cpu.weight $TOP/${group}/pids.max`,
      why: 'cpu.weight.nice, which says the weight once more in steps, is not copied over it',
      status: 0,
      stdout: '77\n9\n',
    })),
    {
      line: 'cgset -r memory.limit_in_bytes=-10 $G/run',
      why: 'only -1 is no limit',
      status: 96,
      stderr: /^cgset: cgroup modify error: Invalid argument\n/,
      left: /memory\.max:max$/m,
    },
    {
      line: 'cgset -r freezer.state=1 $G/run; cat $TOP/run/cgroup.freeze',
      why: 'v1 has two words',
      status: 0,
      stdout: '0\n',
    },
    {
      line: 'cgset -R -r cgroup.subtree_control=+cpu $G; cat $TOP/cgroup.subtree_control $TOP/other/cgroup.subtree_control $TOP/run/cgroup.subtree_control',
      why: 'groups without any below hold processes',
      status: 0,
      stdout: 'cpu memory pids\ncpu\n',
    },
    {
      line: 'cgget -c | grep -e Version -e cpu -e memory',
      why: 'of newer originals',
      status: 0,
      stdout: /^#Controller\tVersion\n(\w+ *\t2\n)+$/,
    },
    {
      line: 'cgcreate -g cpuacct,freezer,devices:$G/new',
      why: 'v2 does the work of these without a controller',
      status: 0,
      left: /\/new$/m,
    },
    { line: 'cgcreate -g :$G/new', why: 'no controller is the v2 tree itself', status: 0, left: /\/new$/m },
    {
      line: 'cgset -r cpu.shares=512 -r memory.limit_in_bytes=64M $G/run',
      why: 'names of v1 are translated',
      status: 0,
      left: /cpu\.weight:50\n.*\n.*memory\.max:67108864$/m,
    },
    { line: 'cgget -nvr cpu.shares $G/run', why: 'names of v1 are translated', status: 0, stdout: '788\n' },
    { line: 'cgget -g cpu:$G/none', why: 'a group that is not there is an error', status: 96, stdout: '' },
    { line: 'cgget -n -g pids,cpu $G/run | grep -c ^pids.max', why: 'several controllers', status: 0, stdout: '1\n' },
    { line: 'cgget -m', why: 'of newer originals', status: 0, stdout: 'Unified Mode (Cgroup v2 only).\n' },
    { line: 'lscgroup cpu:$G/none', why: 'a group that is not there is an error', status: 93 },
    { line: 'lssubsys -m memory', why: 'the v2 tree is listed', status: 0, stdout: /^[\w,]+ \/sys\/fs\/cgroup\n$/ },
    {
      line: 'cgsnapshot -s pids | grep -A5 "^group $G/run"',
      why: 'the installed original has a list that is not there, and shows nothing of v2',
      status: 0,
      stdout: /pids\.max="9";/,
    },
  ];

const results = batchBoth(
  [...SAME, ...DIFFERENT.map(({ line }) => line)].map((line) => `G=${GROUP} TOP=${TOP}; ${line}`),
  { before, after, version: 'installed' },
);
const of = (line: string) => results(`G=${GROUP} TOP=${TOP}; ${line}`);

/** The first line of what is wrong, without the program's name, which the originals print at times. */
const errorOf = ({ stderr }: BatchResult) =>
  (stderr.split('\n')[0] as string)
    .replace(/^(cg\w+|lscgroup): /, '')
    .replace(/pid \d+/, 'pid N')
    .trim();

describe('as the original', () => {
  for (const line of SAME)
    test(line, { timeout: 300_000 }, (context) => {
      needs(context, ...checks);
      const { theirs, ours } = of(line);
      expect({ ...ours, stderr: '' }).toEqual({ ...theirs, stderr: '' });
      const [original, own] = [errorOf(theirs), errorOf(ours)];
      expect(saysTheSame(original, own), `"${original}" and "${own}"`).toBe(true);
    });
});

describe('different on purpose', () => {
  for (const { line, why, ...expected } of DIFFERENT)
    test(`${line}: ${why}`, { timeout: 300_000 }, (context) => {
      needs(context, ...checks);
      expectDifferent(of(line), expected);
    });
});
