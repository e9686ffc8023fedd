/**
 * Modules that a tool's script shares with the tools it loads behind it, for a chain. Their classes must be the same for all, since
 * what one tool records another one's script lays out. What is stateless and small (constants, the libraries of some tools) each has
 * for itself.
 */
import { relative, resolve } from 'node:path';
import { build, type Plugin } from 'esbuild';

/** Module, as a path from the root, and what it exports. */
export type Shared = ReadonlyMap<string, readonly string[]>;

const isOurs = (path: string) => /^packages\/(sys|cli)\/src\//.test(path);
const isApart = (path: string) => /\/(const|man2)\/|\/(index|trace|no-trace|phase|phase-clock)\.ts$/.test(path);

/** @param entry A script without any tool. */
export async function sharedModules(entry: string): Promise<Shared> {
  const common = {
    bundle: true,
    write: false,
    metafile: true,
    format: 'esm',
    platform: 'node',
    logLevel: 'error',
  } as const;
  const core = await build({ ...common, entryPoints: [entry] });
  const modules = Object.values(core.metafile.outputs)
    .flatMap(({ inputs }) => Object.entries(inputs))
    .filter(([path, { bytesInOutput }]) => bytesInOutput > 0 && isOurs(path) && !isApart(path))
    .map(([path]) => path)
    .sort();
  const { metafile } = await build({ ...common, entryPoints: modules, outdir: 'nowhere' });
  return new Map(Object.values(metafile.outputs).map(({ entryPoint = '', exports }) => [entryPoint, exports] as const));
}

const SCHEME = 'shared:';

/** The module `generated:shared` of a script that others are loaded behind: gives each module's exports by its name. */
export function sharedTable(shared: Shared): string {
  const modules = [...shared].map(([path, names], index) => {
    const local = (name: string) => `_${index}_${name}`;
    return {
      import: `import { ${names.map((name) => `${name} as ${local(name)}`).join(', ')} } from './${path}';`,
      row: `'${SCHEME}${path}': () => ({ ${names.map((name) => `${name}: ${local(name)}`).join(', ')} })`,
    };
  });
  return `${modules.map((each) => each.import).join('\n')}
export const shared = { ${modules.map(({ row }) => row).join(',\n')} };`;
}

/** For a script that is loaded behind another one: the modules are taken from there. */
export const takeShared = (shared: Shared): Plugin => ({
  name: 'take-shared',
  setup({ onResolve, onLoad, resolve: resolved }) {
    onResolve({ filter: /^\.|^@ts\// }, async ({ path, pluginData, ...where }) => {
      if (pluginData === 'asked') return undefined;
      const found = await resolved(path, { ...where, pluginData: 'asked' });
      const module = relative(process.cwd(), found.path);
      return shared.has(module) ? { path: module, namespace: 'shared', sideEffects: false } : found;
    });
    onResolve({ filter: new RegExp(`^${SCHEME}`) }, ({ path }) => ({ path, external: true }));
    onLoad({ filter: /.*/, namespace: 'shared' }, ({ path }) => ({
      resolveDir: resolve('.'),
      contents: [
        `const it = /* @__PURE__ */ require('${SCHEME}${path}');`,
        ...(shared.get(path) as readonly string[]).map(
          (name) => `export const ${name} = /* @__PURE__ */ (() => it.${name})();`,
        ),
      ].join('\n'),
    }));
  },
});
