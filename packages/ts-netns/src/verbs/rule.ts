/** `ip rule add|del|list|flush|save|restore`: rules of policy routing. */
import {
  addRoutingRule,
  decodeRoutingRule,
  deleteRoutingRule,
  dumpRoutingRules,
  type Message,
  masked,
  type Prefix,
  type RoutingRule,
  type RoutingRuleAttributes,
  sameBytes,
  tableOf,
} from '@ts/netlink';
import * as sys from '@ts/sys';
import { Failure } from '@ts/sys';
import type { Context } from '../context.ts';
import { MAGIC, restoreAll, saveAll, savedMessages } from '../dumps.ts';
import { render } from '../entry.ts';
import { type State, wordsOf } from '../rows.ts';
import { otherAction, protocolFrom, RULE_ROWS, type RuleValues, showRule, tableFrom, WHOLE_MASKS } from '../rules.ts';
import { destinationFrom, FAILED, type Rows, rowOf, takeAll, type Words } from '../words.ts';

/** What iproute2 returns where a table and a VRF are named. */
const INVALID = 22;

type RuleState = State & { readonly data: RuleValues & Record<string, unknown> };

const ROWS = wordsOf<RuleState>(RULE_ROWS);
/** What may follow `type`, too. */
const GOTO = rowOf(ROWS, 'goto') as Rows<RuleState>[number];
const ACTION_ROWS: Rows<RuleState> = [GOTO, rowOf(ROWS, 'nop') as Rows<RuleState>[number]];

const stateOf = (context: Context, data: RuleState['data'] = {}): RuleState => ({
  data,
  header: { family: context.settings.family },
  context,
  seen: new Set(),
});

function parse(context: Context, words: Words, isNew: boolean): RuleState {
  if (words.next === undefined) throw new Failure(`"ip rule ${isNew ? 'add' : 'del'}" requires arguments.`, FAILED);
  const state = stateOf(context);
  const { header, data, seen } = state;
  takeAll(ROWS, words, state, (word) => {
    const action = word === 'type' && words.next !== undefined ? rowOf(ACTION_ROWS, words.next) : undefined;
    if (action) action[1](state, words, words.argument());
    else otherAction(word, words, state);
  });
  if (data.vrf && (data.table ?? header.table8))
    throw new Failure('table can not be specified for l3mdev rules', INVALID);
  header.family ||= sys.AF_INET;
  if (!isNew) return state;
  header.action ??= sys.FR_ACT_TO_TBL;
  if (!seen.has('table') && !seen.has('action') && !data.vrf) header.table8 = sys.RT_TABLE_MAIN;
  return state;
}

export function add(context: Context, words: Words): void {
  const { header, data } = parse(context, words, true);
  context.route.request(addRoutingRule(header, data as RoutingRuleAttributes), 'rule add');
}

export function remove(context: Context, words: Words): void {
  const { header, data } = parse(context, words, false);
  context.route.request(deleteRoutingRule(header, data as RoutingRuleAttributes), 'rule del');
}

interface Selection extends RuleState {
  source?: Prefix;
  destination?: Prefix;
  family: number;
  table?: number;
  protocol?: number;
}

/** Words of a choice that mean another thing, or are refused in other words, than those of a rule. */
const SELECTION: Rows<Selection> = [
  [
    'lookup~ table~',
    (selection, words) => {
      selection.table = tableFrom(words, 'table id value is invalid\n');
    },
  ],
  [
    'from~ src~',
    (selection, words) => {
      selection.source = destinationFrom(words.argument(), selection.family);
    },
  ],
  [
    'protocol~',
    (selection, words) => {
      selection.protocol = protocolFrom(words, 'invalid "protocol"\n');
    },
  ],
];

/** Words of a rule that choose rules by the same value. */
const SAME = rowsNamed(
  ...['preference', 'not', 'tos', 'fwmark', 'dev', 'oif', 'l3mdev', 'uidrange', 'tun_id', 'ipproto', 'sport'],
  ...['dport', 'dscp', 'flowlabel'],
);

function rowsNamed(...names: string[]): Rows<Selection> {
  return names.map((name) => rowOf(ROWS, name) as Rows<RuleState>[number]) as Rows<Selection>;
}

function selectionFrom(context: Context, words: Words): Selection {
  const family = context.settings.family || sys.AF_INET;
  const selection: Selection = { ...stateOf(context), family };
  takeAll([...SAME, ...SELECTION], words, selection, (word) => {
    const isNamed = rowOf([['dst~ to~', () => {}]], word) !== undefined;
    selection.destination = destinationFrom(isNamed ? words.argument() : word, family);
  });
  const { data } = selection;
  for (const [key, mask] of Object.entries(WHOLE_MASKS)) if (key in data) data[`${key}Mask`] ??= mask;
  return selection;
}

const isWithin = (bytes: Uint8Array | undefined, length: number, family: number, prefix: Prefix | undefined): boolean =>
  prefix === undefined ||
  (prefix.family === family &&
    prefix.length <= length &&
    sameBytes(
      masked(bytes ?? new Uint8Array(prefix.bytes.length), prefix.length, 0),
      masked(prefix.bytes, prefix.length, 0),
    ));

/** Marks and masks of 0 choose nothing. */
const UNLESS_ZERO = ['mark', 'markMask'];

/** What counts of a number that a rule does not have. */
const withoutIt = (key: string): number => (key.endsWith('Mask') && WHOLE_MASKS[key.slice(0, -'Mask'.length)]) || 0;

function hasSame(rule: Readonly<Record<string, unknown>>, key: string, wanted: unknown): boolean {
  if (!wanted && UNLESS_ZERO.includes(key)) return true;
  if (typeof wanted === 'object') return JSON.stringify(wanted) === JSON.stringify(rule[key]);
  return wanted === (rule[key] ?? (typeof wanted === 'number' ? withoutIt(key) : undefined));
}

function isChosen({ data, header, table, source, destination }: Selection, rule: RoutingRule): boolean {
  return (
    (!header.flags || (rule.flags & header.flags) !== 0) &&
    (header.tos === undefined || header.tos === rule.tos) &&
    (!table || table === tableOf(rule)) &&
    Object.entries(data).every(([key, wanted]) => hasSame({ ...rule }, key, wanted)) &&
    isWithin(rule.source, rule.sourceLength, rule.family, source) &&
    isWithin(rule.destination, rule.destinationLength, rule.family, destination)
  );
}

export function show(context: Context, words: Words): void {
  const selection = selectionFrom(context, words);
  const entries = dumpRoutingRules(context.route, selection.family)
    .map(decodeRoutingRule)
    .filter((rule) => isChosen(selection, rule))
    .map((rule) => {
      const entry = showRule(context, rule);
      entry.say('\n');
      return entry;
    });
  context.print(render(entries, context.settings));
}

/** Deletes all but the one that looks at the local table, which has no number. */
export function flush(context: Context, words: Words): void {
  const selection = selectionFrom(context, words);
  const isMeant = (message: Message) => {
    const rule = decodeRoutingRule(message);
    const isOthers = selection.protocol !== undefined && rule.protocol !== selection.protocol;
    return rule.priority !== undefined && !isOthers && isChosen(selection, rule);
  };
  for (const { body } of dumpRoutingRules(context.route, selection.family).filter(isMeant))
    context.route.request({ type: sys.RTM_DELRULE, body }, 'rule flush');
}

export function save(context: Context, words: Words): void {
  if (words.next !== undefined) throw new Failure('"ip rule save" does not take any arguments.', FAILED);
  saveAll(MAGIC.rule, () => dumpRoutingRules(context.route, context.settings.family || sys.AF_INET));
}

export const restore = (context: Context): void =>
  restoreAll(context.route, savedMessages(MAGIC.rule, 'rule'), 'rule restore');
