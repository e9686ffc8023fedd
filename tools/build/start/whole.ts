/** The entry of the script with all tools, which has what readers ask for, too. */

import { tools } from 'generated:tools';
import { main } from '@ts/cli';
import { inheritedFromLauncher, useLibrary } from '@ts/sys';
import type { Run } from './parts.ts';

const build = {
  version: VERSION,
  id: BUILD,
  tools,
  help: () => require('@ts/cli/help') as typeof import('@ts/cli/help'),
};

export const run: Run = (name, state, library, file) => {
  useLibrary(library);
  main(build, name, inheritedFromLauncher(state), file);
};
