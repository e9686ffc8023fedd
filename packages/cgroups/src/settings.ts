/** Settings of groups, found under either version's name (./table.ts), read, and made steps of. */
import { changeRules, type DeviceRules, listRules } from './devices.ts';
import type { SETTING_FAILURES } from './errors.ts';
import { findHome, type Hierarchies, type Reader, whyMissing } from './hierarchies.ts';
import { type Attached, attachedTo } from './programs.ts';
import { type Group, groupAt, notHandedDown } from './spec.ts';
import type { Step } from './steps.ts';
import { type Converted, INVALID, type Now, type Row, settings } from './table.ts';

/** `cpu` of `cpu.shares`; undefined where the name has no dot. */
export function controllerOf(name: string): string | undefined {
  const dot = name.indexOf('.');
  return dot > 0 && dot < name.length - 1 && !name.includes('/') ? name.slice(0, dot) : undefined;
}

/** The table, as it reads for the page size that a name has. */
function rowsFor(name: string): readonly Row[] {
  const size = /^hugetlb\.([^.]+)\./.exec(name)?.[1];
  if (size === undefined) return settings();
  const sized = (file: string | null) => file?.replace('*', size) ?? null;
  return settings().map((row) => ({ ...row, v1: sized(row.v1), v2: sized(row.v2) }));
}

/** Whether a parameter of that name can be one of this version: only a name of the other one alone cannot. */
function isNameOf(version: 1 | 2, name: string): boolean {
  const rows = rowsFor(name).filter(({ v1, v2 }) => v1 === name || v2 === name);
  return !rows.length || rows.some(({ v1, v2 }) => (version === 1 ? v1 : v2) === name);
}

/** Names that this version has for a file of the other one. */
export const namesIn = (version: 1 | 2, file: string): string[] =>
  isNameOf(version, file)
    ? [file]
    : rowsFor(file).flatMap(({ v1, v2, not }) => {
        const [from, to] = version === 1 ? [v2, v1] : [v1, v2];
        return from === file && to !== null && not !== `v${version}` ? [to] : [];
      });

/** A setting that cannot be found. */
export interface NoSetting {
  /**
   * `controller`: it lives nowhere here. `file`: the group has no such file. `group`: there is no such group.
   * `counterpart`: the other version of control groups has nothing that does the job. `name`: names are those of one
   * version, which has none like this. `value`: the setting has no such value.
   */
  readonly no: keyof typeof SETTING_FAILURES;
  readonly hint: string;
}

type Found =
  /** A file of that very name. */
  | { readonly file: string }
  /** A file of the other version, with the rows between. */
  | { readonly rows: readonly Row[]; readonly group: Group; readonly to: 1 | 2 };

const v2Of = ({ mounted }: Hierarchies) => mounted.find(({ version }) => version === 2);

/** Whether names of that version are other names than the files have here. */
const areTranslated = (hierarchies: Hierarchies, name: string, version: 1 | 2) => {
  const home = findHome(hierarchies, controllerOf(name) ?? name)?.hierarchy;
  return home !== undefined && home.version !== version;
};

/** Why a name cannot be meant where names are those of `version`; undefined where it can. */
export const foreignName = (
  hierarchies: Hierarchies,
  name: string,
  version: 1 | 2 | undefined,
): NoSetting | undefined =>
  version === undefined || isNameOf(version, name)
    ? undefined
    : {
        no: areTranslated(hierarchies, name, version) ? 'name' : 'file',
        hint: `it is a name of cgroup v${version === 1 ? 2 : 1}`,
      };

/** What a failed search means where names are those of `version`: one that is nowhere there is no name of it. */
export const asNamed = <Missing extends NoSetting>(
  missing: Missing,
  hierarchies: Hierarchies,
  name: string,
  version: 1 | 2 | undefined,
): Missing =>
  missing.no === 'file' && version !== undefined && areTranslated(hierarchies, name, version)
    ? { ...missing, no: 'name' }
    : missing;

/** The file of the other version: rows, where they lead, or why there is none. */
function locateOther(
  hierarchies: Hierarchies,
  path: string,
  name: string,
  world: Reader,
): Found | NoSetting | undefined {
  const table = rowsFor(name);
  const home = findHome(hierarchies, controllerOf(name) ?? name)?.hierarchy;
  const toV2 = table.filter((row) => row.v1 === name && row.not !== 'v1');
  const toV1 = table.filter((row) => row.v2 === name && row.not !== 'v2');
  const towards = (rows: readonly Row[], to: 1 | 2): Found | NoSetting | undefined => {
    const nothing = rows.find((row) => (to === 2 ? row.v2 : row.v1) === null);
    if (nothing) return { no: 'counterpart', hint: nothing.why as string };
    const names = rows.map((row) => (to === 2 ? row.v2 : row.v1) as string);
    const hierarchy =
      to === 2 ? v2Of(hierarchies) : findHome(hierarchies, controllerOf(names[0] ?? '') ?? '')?.hierarchy;
    if (hierarchy?.version !== to) return undefined;
    const group = groupAt(hierarchy, path);
    return names.some((file) => world.exists(`${group.directory}/${file}`)) ? { rows, group, to } : undefined;
  };
  if (toV2.length && home?.version !== 1) return towards(toV2, 2);
  const isV1 = hierarchies.mounted.some(({ version }) => version === 1);
  return toV1.length && isV1 ? towards(toV1, 1) : undefined;
}

function locate(hierarchies: Hierarchies, path: string, name: string, world: Reader): Found | NoSetting {
  // A name with a slash would lead out of the group.
  if (name.includes('/')) return { no: 'file', hint: `'${name}' is no name of a parameter` };
  const controller = controllerOf(name) ?? name;
  const home = findHome(hierarchies, controller);
  const own = home && groupAt(home.hierarchy, path);
  const v2 = v2Of(hierarchies);
  // Every group of a v2 tree measures pressure, also beside v1.
  for (const group of [own, name.endsWith('.pressure') && v2 ? groupAt(v2, path) : undefined])
    if (group && world.exists(`${group.directory}/${name}`)) return { file: `${group.directory}/${name}` };
  // Where v1 is in use, a controller that is not mounted can be.
  const mountable =
    !home && hierarchies.known.has(controller) && hierarchies.mounted.some(({ version }) => version === 1);
  if (mountable) return { no: 'controller', hint: whyMissing(hierarchies, controller) };
  const other = locateOther(hierarchies, path, name, world);
  if (other) return other;
  const group = own ?? (v2 && rowsFor(name).some((row) => row.v1 === name && row.v2) ? groupAt(v2, path) : undefined);
  if (!group) return { no: 'controller', hint: whyMissing(hierarchies, controller) };
  const { hierarchy, directory } = group;
  if (!world.exists(directory))
    return {
      no: 'group',
      hint: `there is no group ${directory}: cgcreate -g ${controller === 'cgroup' ? '' : controller}:${path}`,
    };
  const given = world.read(`${directory}/cgroup.controllers`)?.split(/\s+/);
  if (hierarchy.version === 2 && home?.enable !== undefined && !given?.includes(home.enable))
    return {
      no: 'file',
      hint: notHandedDown(home.enable, path),
    };
  return { no: 'file', hint: `there is no ${directory}/${name}` };
}

/** Text of a file of a group, less its last line end. Undefined where it cannot be read: v1 has files to be written only. */
const textOf = (world: Reader, path: string) => world.read(path)?.replace(/\n$/, '');

/** The v2 group whose devices a BPF program decides on; undefined where v1 has them, or where the name is another. */
function deviceGroup(hierarchies: Hierarchies, path: string, name: string, world: Reader): Group | undefined {
  if (controllerOf(name) !== 'devices') return undefined;
  const hierarchy = findHome(hierarchies, 'devices')?.hierarchy;
  if (hierarchy?.version !== 2) return undefined;
  const group = groupAt(hierarchy, path);
  return world.exists(group.directory) ? group : undefined;
}

/** The rules as the v1 files would show them; programs of others by id and name. */
function readDevices({ rules, others }: Attached, name: string): string | undefined {
  const against = name === (rules.allow ? 'devices.deny' : 'devices.allow');
  if (name !== 'devices.list' && name !== 'devices.allow' && name !== 'devices.deny') return undefined;
  if (name !== 'devices.list')
    return against ? listRules(rules, true) : rules.allow === (name === 'devices.allow') ? 'a *:* rwm' : '';
  return [listRules(rules), ...others.map(({ id, name }) => `# and BPF program ${id} ${name}`)]
    .filter(Boolean)
    .join('\n');
}

/** A value as it is shown: one that the table does not know stays as the kernel has it. */
const shownAs = (converted: Converted, text: string) => (converted === INVALID ? text : converted);

/** Value of a setting of a group, under either version's name. `''` where it exists and cannot be read. */
export function readSetting(
  hierarchies: Hierarchies,
  path: string,
  name: string,
  world: Reader,
): { readonly value: string } | NoSetting {
  const devices = deviceGroup(hierarchies, path, name, world);
  const listed = devices && readDevices(attachedTo(devices.directory), name);
  if (listed !== undefined) return { value: listed };
  const found = locate(hierarchies, path, name, world);
  if ('no' in found) return found;
  if ('file' in found) return { value: textOf(world, found.file) ?? '' };
  const { rows, group, to } = found;
  if (to === 2) {
    const [row] = rows as [Row];
    const now: Now = (file) => textOf(world, `${group.directory}/${file}`);
    const text = now(row.v2 as string) ?? '';
    return { value: (row.toV1 ? shownAs(row.toV1(text, now), text) : text) ?? '' };
  }
  let value: string | undefined;
  const now: Now = (file) => {
    if (file === name) return value;
    const other = readSetting(hierarchies, path, file, world);
    return 'value' in other ? other.value : undefined;
  };
  for (const row of rows) {
    const text = textOf(world, `${group.directory}/${row.v1}`);
    if (text !== undefined) value = row.toV2 ? (shownAs(row.toV2(text, now), text) ?? value) : text;
  }
  return { value: value ?? '' };
}

/** What earlier settings will have written, by path, and which devices they will have allowed, by folder. */
interface Planned {
  readonly texts: Map<string, string>;
  readonly devices: Map<string, DeviceRules>;
}

function deviceStep(group: Group, name: string, value: string, planned: Planned): Step | NoSetting {
  const { directory } = group;
  const file = name === 'devices.allow' ? 'allow' : name === 'devices.deny' ? 'deny' : undefined;
  if (!file) return { no: 'file', hint: `${name} cannot be set: devices.allow and devices.deny can` };
  const { rules, id } = attachedTo(directory);
  const changed = changeRules(planned.devices.get(directory) ?? rules, file, value);
  if (!changed)
    return { no: 'value', hint: `'${value}' is no rule of devices: a, or TYPE MAJOR:MINOR ACCESS (c 1:3 rwm)` };
  planned.devices.set(directory, changed);
  return { do: 'devices', path: directory, rules: changed, id };
}

function stepsOf(
  hierarchies: Hierarchies,
  path: string,
  name: string,
  value: string,
  world: Reader,
  planned: Planned,
): readonly Step[] | NoSetting {
  const devices = deviceGroup(hierarchies, path, name, world);
  if (devices) {
    const step = deviceStep(devices, name, value, planned);
    return 'no' in step ? step : [step];
  }
  const found = locate(hierarchies, path, name, world);
  if ('no' in found) return found;
  const write = (file: string, text: string, mayFail?: string): Step[] => {
    planned.texts.set(file, text);
    // A file takes one device at a time.
    return text.split('\n').map((line) => ({ do: 'write', path: file, value: line, ...(mayFail ? { mayFail } : {}) }));
  };
  if ('file' in found) {
    planned.texts.set(found.file, value);
    return [{ do: 'write', path: found.file, value }];
  }
  const { rows, group, to } = found;
  const fileOf = (row: Row) => `${group.directory}/${to === 2 ? row.v2 : row.v1}`;
  const textNow = (file: string) => planned.texts.get(file) ?? textOf(world, file);
  // On v1 a v2 file is put together of those that are there.
  const now: Now = (file) => {
    if (to === 2) return textNow(`${group.directory}/${file}`);
    const row = rowsFor(file).find((each) => each.v2 === file && each.v1 && each.not !== 'v2');
    const text = row && textNow(`${group.directory}/${row.v1}`);
    return text === undefined ? undefined : row?.toV2 ? shownAs(row.toV2(text, now), text) : text;
  };
  const writes: Step[] = [];
  for (const row of rows) {
    if (row.readOnly) continue;
    const convert = to === 2 ? row.toV2 : row.toV1;
    const text = convert ? convert(value, now) : value;
    if (text === INVALID) return { no: 'value', hint: `'${value}' is no value of ${name}` };
    if (text !== undefined) writes.push(...write(fileOf(row), text, row.mayFail));
  }
  if (writes.length) return writes;
  const names = rows.map((row) => (to === 2 ? row.v2 : row.v1)).join(', ');
  return { no: 'counterpart', hint: `${name}=${value} has no counterpart in ${names} of cgroup v${to}` };
}

export interface Setting {
  readonly name: string;
  readonly value: string;
}

/** The steps that set these values of a group, in this order; or which of them cannot be found. */
export function settingSteps(
  hierarchies: Hierarchies,
  path: string,
  settings: readonly Setting[],
  world: Reader,
): readonly Step[] | (NoSetting & Setting) {
  const planned: Planned = { texts: new Map(), devices: new Map() };
  const steps: Step[] = [];
  for (const { name, value } of settings) {
    const more = stepsOf(hierarchies, path, name, value, world, planned);
    if ('no' in more) return { ...more, name, value };
    steps.push(...more);
  }
  // The program with the last rules does for all of them.
  return steps.filter(
    (step, index) => step.do !== 'devices' || !steps.slice(index + 1).some((later) => later.do === 'devices'),
  );
}
