/** What --dump and --check print. */
import {
  type Architecture,
  actionWord,
  architectureIn,
  architectureOf,
  callName,
  callsOf,
  type Decision,
  dataOf,
  defaultFor,
  describeProgram,
  encodeProgram,
  evaluate,
  formatAction,
  formatCondition,
  formatDecision,
  knownCall,
  type Policy,
  type Program,
  UnknownWord,
} from '@ts/seccomp';
import { decode, Failure, parseCNumber, U32_MAX } from '@ts/sys';

const shortName = ({ name }: Architecture) => name.replace('SCMP_ARCH_', '').toLowerCase();

const json = (value: unknown) => `${JSON.stringify(value, undefined, 2)}\n`;

export function dumpText(program: Program): string {
  const lines = describeProgram(program);
  const width = String(lines.length - 1).length;
  return lines.map((line, at) => `${String(at).padStart(width)}  ${line}\n`).join('');
}

export function dumpJson({ architectures, defaultAction, flags }: Policy, program: Program): string {
  const lines = describeProgram(program);
  return json({
    architectures: architectures.map(shortName),
    default: formatAction(defaultAction),
    flags,
    instructions: program.map((instruction, at) => ({ at, ...instruction, says: lines[at] })),
  });
}

/** The bytes as text that goes out as these bytes. */
export const dumpRaw = (program: Program): string => decode(encodeProgram(program));

/** What a call gets on one architecture. */
interface Answer {
  readonly architecture: Architecture;
  readonly number: number;
  readonly name?: string;
  readonly decision: Decision;
}

function decisionOn(policy: Policy, architecture: Architecture, number: number): Decision {
  const belongs = architectureIn(policy, { token: architecture.token, number, args: [] });
  const otherwise = belongs ? defaultFor(policy, belongs, number) : policy.otherArchitectures;
  return policy.decisions.get(architecture)?.get(number) ?? { clauses: [], otherwise };
}

/** With arguments there is nothing left to decide. */
function withArguments(policy: Policy, { architecture, number, ...answer }: Answer, args: readonly bigint[]): Answer {
  const otherwise = evaluate(policy, { token: architecture.token, number, args });
  return { ...answer, architecture, number, decision: { clauses: [], otherwise } };
}

const CALL = /^\s*(\w+)\s*(?:\(([^()]*)\))?\s*$/;
const ARGUMENTS = 6;
const [LEAST_ARGUMENT, LARGEST_ARGUMENT] = [-(1n << 63n), (1n << 64n) - 1n];

function parseArguments(text: string | undefined, call: string): bigint[] | undefined {
  if (text === undefined) return undefined;
  const words = text.split(',').map((word) => word.trim());
  const values = words.length === 1 && !words[0] ? [] : words;
  if (values.length > ARGUMENTS || values.some((word) => !/^(-?\d+|0x[\da-f]+)$/i.test(word)))
    throw new Failure(`cannot read the arguments of '${call}': at most six numbers, decimal or 0x`);
  return values.map((word) => {
    const value = BigInt(word);
    if (value >= LEAST_ARGUMENT && value <= LARGEST_ARGUMENT) return BigInt.asUintN(64, value);
    throw new Failure(`an argument of '${call}' does not fit into 64 bits: ${word}`);
  });
}

function checkedName(name: string): string {
  try {
    return knownCall(name);
  } catch (error) {
    if (!(error instanceof UnknownWord)) throw error;
    throw new Failure(`unknown system call '${name}'`, 1, error.near && `did you mean '${error.near}'?`);
  }
}

/** A number as the kernel gets it: the bit of x32 makes it one of that architecture. */
function numbered(native: Architecture, given: number): readonly [Architecture, number] {
  const number = given < native.offset ? given + native.offset : given;
  return [architectureOf(native.token, number) ?? native, number];
}

function numberOf(word: string): number {
  const number = parseCNumber(word, U32_MAX);
  if (number === undefined) throw new Failure(`no number of a system call: '${word}'`);
  return number;
}

function answersTo(policy: Policy, call: string): Answer[] {
  const [, word = call, text] = CALL.exec(call) ?? [];
  const [native] = policy.architectures as [Architecture];
  const args = parseArguments(text, call);
  const numbers: readonly (readonly [Architecture, number | undefined])[] = /^\d/.test(word)
    ? [numbered(native, numberOf(word))]
    : policy.architectures.map((each) => [each, callsOf(each).get(checkedName(word))]);
  const answers = numbers.flatMap(([architecture, number]) =>
    number === undefined
      ? []
      : [
          {
            architecture,
            number,
            name: callName(architecture, number),
            decision: decisionOn(policy, architecture, number),
          },
        ],
  );
  if (!answers.length) throw new Failure(`no architecture of this filter has the system call '${word}'`);
  return args ? answers.map((answer) => withArguments(policy, answer, args)) : answers;
}

export const checkText = (policy: Policy, calls: readonly string[]): string =>
  calls
    .flatMap((call) => answersTo(policy, call))
    .map(
      ({ architecture, number, name, decision }) =>
        `${shortName(architecture)} ${name ?? 'unknown'} (${number - architecture.offset}): ${formatDecision(decision)}\n`,
    )
    .join('');

const actionJson = (action: number) => ({
  action: actionWord(action),
  data: dataOf(action),
  says: formatAction(action),
});

export const checkJson = (policy: Policy, calls: readonly string[]): string =>
  json(
    calls
      .flatMap((call) => answersTo(policy, call))
      .map(({ architecture, number, name, decision: { clauses, otherwise } }) => ({
        architecture: shortName(architecture),
        number: number - architecture.offset,
        name: name ?? null,
        ...actionJson(otherwise),
        conditions: clauses.map(({ conditions, action }) => ({
          if: conditions.map(formatCondition),
          ...actionJson(action),
        })),
      })),
  );
