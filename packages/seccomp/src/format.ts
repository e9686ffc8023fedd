/** Profiles as JSON, in the form that ./json.ts reads. */
import { capabilityName } from '@ts/capabilities';
import { SECCOMP_RET_ERRNO, SECCOMP_RET_TRACE } from '@ts/sys';
import { ACTIONS, type Action, dataOf, kindOf } from './action.ts';
import { FILTER_FLAGS } from './json.ts';
import type { Condition } from './policy.ts';
import type { Guard, Profile, Rule } from './profile.ts';

const actionName = (action: Action) => [...ACTIONS].find(([, value]) => value === kindOf(action))?.[0];

const errnoOf = (action: Action) =>
  [SECCOMP_RET_ERRNO, SECCOMP_RET_TRACE].includes(kindOf(action)) ? dataOf(action) : undefined;

/** Stands before a number that JSON.stringify would not write with all its digits. */
const WHOLE = '\u0001';
const whole = (value: bigint) => WHOLE + value;

const conditionOf = ({ index, comparison, value, mask }: Condition) => ({
  index,
  value: whole(comparison === 'MASKED_EQ' ? (mask ?? 0n) : value),
  ...(comparison === 'MASKED_EQ' ? { valueTwo: whole(value) } : {}),
  op: `SCMP_CMP_${comparison}`,
});

function guardOf({ caps, arches, minKernel }: Guard) {
  return {
    ...(caps?.length ? { caps: caps.map((each) => capabilityName(each).toUpperCase()) } : {}),
    ...(arches?.length ? { arches } : {}),
    ...(minKernel ? { minKernel: minKernel.join('.') } : {}),
  };
}

const ruleOf = ({ names, action, conditions, includes, excludes }: Rule) => ({
  names,
  action: actionName(action),
  errnoRet: errnoOf(action),
  ...(conditions?.length ? { args: conditions.map(conditionOf) } : {}),
  ...(includes ? { includes: guardOf(includes) } : {}),
  ...(excludes ? { excludes: guardOf(excludes) } : {}),
});

/** The profile as container engines read it; rules that name no call are left out. */
export function formatProfile({ defaultAction, architectures, archMap, flags = 0, rules }: Profile): string {
  const names = [...FILTER_FLAGS].filter(([, flag]) => flags & flag).map(([name]) => name);
  const profile = {
    defaultAction: actionName(defaultAction),
    defaultErrnoRet: errnoOf(defaultAction),
    architectures,
    archMap,
    ...(names.length ? { flags: names } : {}),
    syscalls: rules.filter((rule) => rule.names.length).map(ruleOf),
  };
  return `${JSON.stringify(profile, undefined, 2).replaceAll(/"\\u0001(\d+)"/g, '$1')}\n`;
}
