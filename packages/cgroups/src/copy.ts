/** What makes one group's settings those of another. */
import { parseCBigInt } from '@ts/sys';
import type { Hierarchies, Reader } from './hierarchies.ts';
import { attachedTo } from './programs.ts';
import { controllerOf } from './settings.ts';
import { groupAt } from './spec.ts';
import type { Step } from './steps.ts';
import { settings } from './table.ts';
import { contentOf, statOf } from './tree.ts';

const OWNER_MAY_WRITE = 0o200;

/**
 * Files that can be written, but to start a count again, to set something off or be told of it, or that are another view of
 * a setting.
 */
const NO_SETTING =
  /(\.failcnt|\.max_usage_in_bytes|\.peak|\.force_empty|\.reclaim|\.usage\w*|\.pressure|\.pressure_level|^cpu\.weight\.nice|^cgroup\.\w+)$/;

/** Files that show more than they take. */
const SETTING_IN: ReadonlyMap<string, (text: string) => string> = new Map([
  ['memory.oom_control', (text) => /^oom_kill_disable (\d)/.exec(text)?.[1] ?? '0'],
  // An idle group has none.
  ['cpu.weight', (text) => (text === '0' ? '' : text)],
]);

/**
 * Settings that a copy without them would not be one. What the kernel refuses of other files is passed over: it has
 * some that can be opened for writing and take nothing of what they show.
 */
const isKnown = (name: string) => {
  const plain = name.replace(/^hugetlb\.[^.]+\./, 'hugetlb.*.');
  return (
    /^(pids\.max|cpuset\.(cpus|mems))$/.test(name) ||
    settings().some(({ v1, v2, readOnly }) => !readOnly && v1 !== null && v2 !== null && [v1, v2].includes(plain))
  );
};

const isSetting = (path: string, name: string, controllers: readonly string[]) =>
  controllers.includes(controllerOf(name) ?? '') &&
  !NO_SETTING.test(name) &&
  ((statOf(path)?.mode ?? 0) & OWNER_MAY_WRITE) !== 0;

type FileWrite = Extract<Step, { do: 'write' }>;

/** A limit for memory and swap is never below that for memory: whichever grows goes first. */
function inOrder(writes: FileWrite[], now: string | undefined): FileWrite[] {
  const at = (name: string) => writes.findIndex(({ path }) => path.endsWith(`/${name}`));
  const [limit, both] = [at('memory.limit_in_bytes'), at('memory.memsw.limit_in_bytes')];
  if (limit < 0 || both < 0) return writes;
  const grows = (parseCBigInt(writes[limit]?.value ?? '') ?? 0n) > (parseCBigInt(now ?? '') ?? 0n);
  const [first, second] = grows ? [both, limit] : [limit, both];
  const others = writes.filter((_, index) => index !== limit && index !== both);
  return [...others, writes[first] as FileWrite, writes[second] as FileWrite];
}

/** The writes for every hierarchy that has both groups; undefined where there is none that has the one named. */
export function copyWrites(
  hierarchies: Hierarchies,
  from: string,
  to: string,
  world: Reader,
): readonly Step[] | { readonly missing: string } {
  const sources = hierarchies.mounted
    .map((hierarchy) => [groupAt(hierarchy, from), groupAt(hierarchy, to)] as const)
    .filter(([source]) => world.exists(source.directory));
  if (!sources.length) return { missing: from };
  const pairs = sources.filter(([, target]) => world.exists(target.directory));
  if (!pairs.length) return { missing: to };
  return pairs.flatMap(([{ hierarchy, directory }, target]) => {
    const names = contentOf(directory)?.files ?? [];
    const writes = names
      .filter((name) => isSetting(`${directory}/${name}`, name, hierarchy.controllers))
      .filter((name) => world.exists(`${target.directory}/${name}`))
      .flatMap((name) => {
        const value = (path: string) => {
          const text = world.read(path)?.trimEnd();
          return text && (SETTING_IN.get(name)?.(text) ?? text);
        };
        const path = `${target.directory}/${name}`;
        const wanted = value(`${directory}/${name}`);
        // Tables of devices are taken a line at a time.
        return !wanted || wanted === value(path)
          ? []
          : wanted.split('\n').map((line) => ({
              do: 'write' as const,
              path,
              value: line,
              mayFail: isKnown(name) ? undefined : (true as const),
            }));
      });
    const { rules, id } = hierarchy.version === 2 ? attachedTo(directory) : {};
    const devices: Step[] =
      rules && id !== undefined
        ? [{ do: 'devices', path: target.directory, rules, id: attachedTo(target.directory).id }]
        : [];
    return [...inOrder(writes, world.read(`${target.directory}/memory.memsw.limit_in_bytes`)?.trim()), ...devices];
  });
}
