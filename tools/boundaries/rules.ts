export type Layer = 'sys' | 'cli' | 'domain' | 'tool' | 'e2e';

export interface Package {
  name: string;
  folder: string;
  layer: Layer;
  /** Everything its package.json declares, of whatever kind. */
  declared: string[];
}

export interface Import {
  /** Both relative to the root of the workspace. */
  file: string;
  /** Where the specifier points to, when it is a relative one. */
  target?: string;
  line: number;
  specifier: string;
}

/** A dependency between two packages of ours, and where it was found. */
export interface Edge {
  from: string;
  to: string;
  where: string;
}

export interface Workspace {
  packages: Package[];
  imports: Import[];
  /** What nx found by itself. */
  projectEdges: Omit<Edge, 'where'>[];
}

export interface Violation {
  where: string;
  message: string;
}

const allowedLayers: Record<Layer, readonly Layer[]> = {
  sys: [],
  cli: ['sys'],
  domain: ['sys', 'domain'],
  tool: ['cli', 'domain', 'sys'],
  e2e: ['tool', 'cli', 'domain', 'sys'],
};

/** Third-party packages that only one package of ours may know of. */
const owners: Record<string, Layer> = { koffi: 'sys', yargs: 'cli', 'yargs-parser': 'cli' };

/**
 * Modules of Node, without "node:", and the files of packages that alone may import them; a name with a slash at its end is a folder.
 * Tests may import any.
 */
export type Gates = Readonly<Record<string, readonly string[]>>;

/**
 * Files go by one module, which encodes names and says operation and path in errors. The second is what the stand-alone executable has
 * of node:fs. The reader of a survey follows hundreds of links of /proc: ts-lsns takes 8 to 16 ms longer by system calls, as long as
 * nothing is compiled.
 */
const gates: Gates = {
  fs: ['packages/sys/src/files.ts', 'packages/sys/src/bun-fs.ts', 'packages/namespaces/src/reader.ts'],
};

export function packageNameOf(specifier: string): string {
  const [scope = '', name] = specifier.split('/');
  return scope.startsWith('@') && name !== undefined ? `${scope}/${name}` : scope;
}

function isInside(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}

function packageOfFile(packages: Package[], file: string): Package | undefined {
  return packages.find(({ folder }) => isInside(file, folder));
}

function location({ file, line }: Import): string {
  return `${file}:${line}`;
}

function targetOf(packages: Package[], { specifier, target }: Import): Package | undefined {
  return target === undefined
    ? packages.find(({ name }) => name === packageNameOf(specifier))
    : packageOfFile(packages, target);
}

function importEdges({ packages, imports }: Workspace): Edge[] {
  return imports.flatMap((found) => {
    const from = packageOfFile(packages, found.file);
    const to = targetOf(packages, found);
    return from && to && from !== to ? [{ from: from.name, to: to.name, where: location(found) }] : [];
  });
}

function declaredEdges({ packages }: Workspace): Edge[] {
  const ours = new Set(packages.map(({ name }) => name));
  return packages.flatMap(({ name, folder, declared }) =>
    declared.filter((to) => ours.has(to)).map((to) => ({ from: name, to, where: `${folder}/package.json` })),
  );
}

/** Edges by where they were found; those that only nx knows of come last. */
export function edgesOf(workspace: Workspace): Edge[] {
  const found = [...importEdges(workspace), ...declaredEdges(workspace)];
  const known = new Set(found.map(({ from, to }) => `${from} ${to}`));
  const ours = new Set(workspace.packages.map(({ name }) => name));
  const onlyNx = workspace.projectEdges.filter(
    ({ from, to }) => ours.has(from) && ours.has(to) && !known.has(`${from} ${to}`),
  );
  return [...found, ...onlyNx.map((edge) => ({ ...edge, where: 'the project graph of nx' }))];
}

function layerViolations({ packages }: Workspace, edges: Edge[]): Violation[] {
  const layers = new Map(packages.map(({ name, layer }) => [name, layer]));
  return edges.flatMap(({ from, to, where }) => {
    const [lower, upper] = [layers.get(from), layers.get(to)];
    if (lower === undefined || upper === undefined || allowedLayers[lower].includes(upper)) return [];
    return [{ where, message: `${from} (${lower}) -> ${to} (${upper}) is not allowed` }];
  });
}

function pathBetween(edges: Edge[], from: string, to: string, seen: Set<string> = new Set()): string[] | undefined {
  if (from === to) return [from];
  if (seen.has(from)) return undefined;
  seen.add(from);
  for (const edge of edges.filter((candidate) => candidate.from === from)) {
    const rest = pathBetween(edges, edge.to, to, seen);
    if (rest) return [from, ...rest];
  }
  return undefined;
}

// Between layers the layer rule already excludes cycles.
function cycleViolations({ packages }: Workspace, edges: Edge[]): Violation[] {
  const domain = new Set(packages.filter(({ layer }) => layer === 'domain').map(({ name }) => name));
  return edges
    .filter(({ from, to }) => domain.has(from) && domain.has(to))
    .flatMap(({ from, to, where }) => {
      const back = pathBetween(edges, to, from);
      return back ? [{ where, message: `${[from, ...back].join(' -> ')} is a cycle` }] : [];
    });
}

function ownerViolation(user: Package, dependency: string, where: string): Violation[] {
  const owner = owners[dependency];
  if (owner === undefined || user.layer === owner) return [];
  return [{ where, message: `${user.name} (${user.layer}) -> ${dependency}: only packages/${owner} may use it` }];
}

function ownerViolations({ packages, imports }: Workspace): Violation[] {
  const declared = packages.flatMap((user) =>
    user.declared.flatMap((dependency) => ownerViolation(user, dependency, `${user.folder}/package.json`)),
  );
  const imported = imports.flatMap((found) => {
    const user = packageOfFile(packages, found.file);
    return user ? ownerViolation(user, packageNameOf(found.specifier), location(found)) : [];
  });
  return [...declared, ...imported];
}

const isTest = (file: string): boolean => /\.spec\.ts$|^packages\/[^/]+\/(test|testing|examples|runner)\//.test(file);

function gateViolations({ packages, imports }: Workspace, gates: Gates): Violation[] {
  return imports.flatMap((found) => {
    const user = packageOfFile(packages, found.file);
    if (!user || user.layer === 'e2e' || isTest(found.file)) return [];
    const module = packageNameOf(found.specifier).replace(/^node:/, '');
    const files = Object.hasOwn(gates, module) ? gates[module] : undefined;
    if (!files || files.some((file) => found.file === file || (file.endsWith('/') && found.file.startsWith(file))))
      return [];
    return [{ where: location(found), message: `${user.name} -> ${found.specifier}: only ${files[0]} may use it` }];
  });
}

function undeclaredViolations(workspace: Workspace): Violation[] {
  return importEdges(workspace).flatMap(({ from, to, where }) => {
    const user = workspace.packages.find(({ name }) => name === from);
    if (!user || user.declared.includes(to)) return [];
    return [{ where, message: `${from} -> ${to} is not declared in ${user.folder}/package.json` }];
  });
}

// The tests of the whole may use the tooling, which is no package; nothing else is shared by path.
function escapeViolations({ packages, imports }: Workspace): Violation[] {
  return imports.flatMap((found) => {
    const from = packageOfFile(packages, found.file);
    if (!from || found.target === undefined || isInside(found.target, from.folder)) return [];
    if (from.layer === 'e2e' && isInside(found.target, 'tools')) return [];
    return [{ where: location(found), message: `${from.name} imports ${found.specifier}, which lies outside of it` }];
  });
}

function nameViolations({ packages }: Workspace): Violation[] {
  return packages.flatMap(({ name, folder, layer }) => {
    const last = folder.split('/').at(-1) ?? folder;
    const expected = layer === 'tool' ? last : `@ts/${last}`;
    return name === expected
      ? []
      : [{ where: `${folder}/package.json`, message: `is named ${name}, but should be named ${expected}` }];
  });
}

export function findViolations(workspace: Workspace, closed: Gates = gates): Violation[] {
  const edges = edgesOf(workspace);
  return [
    ...nameViolations(workspace),
    ...layerViolations(workspace, edges),
    ...cycleViolations(workspace, edges),
    ...ownerViolations(workspace),
    ...gateViolations(workspace, closed),
    ...undeclaredViolations(workspace),
    ...escapeViolations(workspace),
  ];
}
