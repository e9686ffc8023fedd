/** What makes one group's settings those of another. */
import { statSync } from 'node:fs';
import { encode } from '@ts/sys';
import type { Hierarchies, Reader } from './hierarchies.ts';
import { attachedTo } from './programs.ts';
import { controllerOf } from './settings.ts';
import { groupAt } from './spec.ts';
import type { Step } from './steps.ts';
import { contentOf } from './tree.ts';

const OWNER_MAY_WRITE = 0o200;

/** Files that can be written, but to start a count again or to set something off. */
const NO_SETTING = /(\.failcnt|\.max_usage_in_bytes|\.peak|\.force_empty|\.reclaim|\.usage\w*|^cgroup\.\w+)$/;

/** Files that show more than they take. */
const SETTING_IN: Readonly<Record<string, (text: string) => string>> = {
  'memory.oom_control': (text) => /^oom_kill_disable (\d)/.exec(text)?.[1] ?? '0',
};

const isSetting = (path: string, name: string, controllers: readonly string[]) =>
  controllers.includes(controllerOf(name) ?? '') &&
  !NO_SETTING.test(name) &&
  (statSync(encode(path)).mode & OWNER_MAY_WRITE) !== 0;

type FileWrite = Extract<Step, { do: 'write' }>;

/** A limit for memory and swap is never below that for memory: whichever grows goes first. */
function inOrder(writes: FileWrite[], now: string | undefined): FileWrite[] {
  const at = (name: string) => writes.findIndex(({ path }) => path.endsWith(`/${name}`));
  const [limit, both] = [at('memory.limit_in_bytes'), at('memory.memsw.limit_in_bytes')];
  if (limit < 0 || both < 0) return writes;
  const grows = BigInt(writes[limit]?.value ?? 0) > BigInt(now || 0);
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
      .flatMap((name) => {
        const value = (path: string) => {
          const text = world.read(path)?.trimEnd();
          return text && (SETTING_IN[name]?.(text) ?? text);
        };
        const path = `${target.directory}/${name}`;
        const wanted = value(`${directory}/${name}`);
        // Tables of devices are taken a line at a time.
        return !wanted || wanted === value(path)
          ? []
          : wanted.split('\n').map((line) => ({ do: 'write' as const, path, value: line }));
      });
    const { rules, id } = hierarchy.version === 2 ? attachedTo(directory) : {};
    const devices: Step[] =
      rules && id !== undefined
        ? [{ do: 'devices', path: target.directory, rules, id: attachedTo(target.directory).id }]
        : [];
    return [...inOrder(writes, world.read(`${target.directory}/memory.memsw.limit_in_bytes`)?.trim()), ...devices];
  });
}
