export interface Selection {
  /** Names of steps; all of them when empty. */
  only: string[];
  vitestArgs: string[];
}

/** Takes --only STEP[,STEP...] out of the arguments; all the rest is for vitest. */
export function parseSelection(args: string[]): Selection {
  const [first, ...rest] = args;
  if (first === undefined) return { only: [], vitestArgs: [] };
  const equals = first.startsWith('--only=');
  if (first !== '--only' && !equals) {
    const { only, vitestArgs } = parseSelection(rest);
    return { only, vitestArgs: [first, ...vitestArgs] };
  }
  const value = equals ? first.slice('--only='.length) : rest[0];
  if (!value) throw new Error('--only needs the names of steps');
  const { only, vitestArgs } = parseSelection(equals ? rest : rest.slice(1));
  return { only: [...value.split(','), ...only], vitestArgs };
}

export function selectSteps<Step extends { name: string }>(steps: readonly Step[], only: string[]): Step[] {
  const names = steps.map(({ name }) => name);
  const unknown = only.filter((name) => !names.includes(name));
  if (unknown.length > 0) throw new Error(`no such step: ${unknown.join(', ')} (steps: ${names.join(', ')})`);
  return steps.filter(({ name }) => only.length === 0 || only.includes(name));
}
