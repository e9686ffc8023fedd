/** The program where none is named: a login shell, as util-linux's tools start it. */
import { variableOf } from './world.ts';

/** The operands, or the shell that SHELL names (else /bin/sh) with the argv[0] of a login shell: `-sh`. */
export function shellOr(
  operands: readonly string[],
  environment: readonly string[],
): { readonly program: readonly string[]; readonly argv0: string | undefined } {
  if (operands.length) return { program: operands, argv0: undefined };
  const shell = variableOf(environment, 'SHELL') || '/bin/sh';
  return { program: [shell], argv0: `-${shell.slice(shell.lastIndexOf('/') + 1)}` };
}
