/**
 * All that can be tested without Node, as a script for an engine: it prints a line for each call of Buffer (cases.ts) and each row of the
 * language (language.ts), as the specs expect them. It prints by `print`, where the engine has that, else by the host.
 */
import './host.ts';
import '../src/index.ts';
import { CASES, outcome } from './cases.ts';
import { FEATURES, found, turns } from './language.ts';

const { print, host } = globalThis as unknown as {
  print?: (text: string) => void;
  host: { write(fd: number, bytes: Uint8Array): number };
};

function say(text: string): void {
  if (print) print(text);
  else for (let rest: Uint8Array = Buffer.from(`${text}\n`); rest.length; ) rest = rest.subarray(host.write(1, rest));
}

const lines = [
  ...CASES.map((each) => `${each.name.slice(0, 200)} -> ${outcome(each, Buffer)}`),
  ...FEATURES.map((each) => `${each.name} -> ${found(each)}`),
];

turns().then((order) => say([...lines, order].join('\n')));
