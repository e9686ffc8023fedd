/** A tool of the tests, without options. */
import { defineTool, type Tool } from '../src/tool.ts';

/** @param parts What of it matters: a plan that gives nothing, status 7, and the name ts-y where they are left out. */
export const toolWith = (parts: Partial<Tool> = {}): Tool =>
  defineTool({
    name: 'ts-y',
    replaces: [],
    section: 1,
    summary: '',
    synopsis: [],
    options: [],
    status: 7,
    plan: () => ({}),
    ...parts,
  } as Tool);
