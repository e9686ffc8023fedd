/** `ip monitor` of the newest ip(8) and of ours, in one network: both are told the same, and say the same of it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { newestOf } from '../harness/parity.ts';
import { compatPath, shell, temporaryFolder } from '../harness/run.ts';
import { needs, needsRoot } from '../harness/skip.ts';

const needsNewest = () => (newestOf('ip') ? undefined : 'older versions show less');

const CHANGES = [
  ...[
    'link add p0 address 02:00:00:00:00:01 type veth peer name p1 address 02:00:00:00:00:02',
    'link set p0 addrgenmode none',
  ],
  ...[
    'link set p1 addrgenmode none',
    'link set p0 up',
    'link set p1 up',
    'addr add 10.0.0.1/24 dev p0',
    'link set p0 mtu 1400',
  ],
  ...['neigh add 10.0.0.9 lladdr 1:2:3:4:5:6 dev p0', 'neigh del 10.0.0.9 dev p0', 'route add 10.9.0.0/16 dev p0'],
  ...[
    'route del 10.9.0.0/16',
    'rule add pref 5 table 7',
    'rule del pref 5',
    'nexthop add id 5 dev p0',
    'nexthop del id 5',
  ],
  ...['-6 rule add pref 9 blackhole', 'addr del 10.0.0.1/24 dev p0', 'link del p0'],
];

/** What the newest asks for beside, or what is by chance. */
const WATCHED = 'link address route neigh rule nexthop nsid';
const ways = [`label ${WATCHED}`, 'route rule', '-o', '-d', '-4'].map((way) =>
  way.startsWith('-') ? `${way} monitor label ${WATCHED}` : `monitor ${way}`,
);

for (const way of ways)
  test(`ip ${way}`, (context) => {
    needs(context, needsRoot, needsNewest);
    using folder = temporaryFolder();
    const files = ['theirs', 'ours'].map((name) => join(folder.path, name)) as [string, string];
    const ip = newestOf('ip') as string;
    const programs = [ip, `${compatPath.split(':')[0] as string}/ip`];
    const script = [
      ...programs.map((program, index) => `${program} ${way} >${files[index]} 2>&1 & P${index}=$!`),
      'sleep 1',
      ...CHANGES.map((change) => `${ip} ${change}; sleep 0.05`),
      'sleep 0.5; kill $P0 $P1; wait',
    ].join('\n');
    shell(`unshare -n sh -c '${script}'`, { timeout: 60_000 });
    // Groups of addresses are told of by the newest alone.
    const [theirs, ours] = files.map((file) =>
      readFileSync(file, 'utf8').replace(/^.*(?: mcast | any )[^\n]*(?:\n {7}.*)?\n/gm, ''),
    );
    expect(theirs?.length).toBeGreaterThan(100);
    expect(ours).toBe(theirs);
  });
