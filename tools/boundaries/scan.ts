import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { specifiersIn } from './imports.ts';
import type { Project, ProjectGraph } from './project-graph.ts';
import type { Import, Layer, Package, Workspace } from './rules.ts';

const layers: readonly string[] = ['sys', 'cli', 'domain', 'tool', 'e2e'] satisfies Layer[];

function isLayer(layer: string): layer is Layer {
  return layers.includes(layer);
}

function sourceFiles(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (entry.name === 'node_modules' || entry.name === 'dist') return [];
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return sourceFiles(path);
    return /\.[cm]?[jt]sx?$/.test(entry.name) ? [path] : [];
  });
}

function importsOf(root: string, file: string): Import[] {
  return specifiersIn(file, readFileSync(file, 'utf8')).map(({ specifier, line }) => ({
    file: relative(root, file),
    line,
    specifier,
    ...(specifier.startsWith('.') ? { target: relative(root, join(dirname(file), specifier)) } : {}),
  }));
}

function declaredIn(manifest: Record<string, unknown>): string[] {
  const kinds = ['dependencies', 'devDependencies', 'peerDependencies', 'optionalDependencies'];
  return kinds.flatMap((kind) => Object.keys(manifest[kind] ?? {}));
}

function readPackage(root: string, { name, root: folder, layer }: Project): Package[] {
  if (!isLayer(layer)) return [];
  const manifest = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8')) as Record<string, unknown>;
  return [{ name, folder, layer, declared: declaredIn(manifest) }];
}

export function scanWorkspace(root: string, graph: ProjectGraph): Workspace {
  const packages = graph.projects.flatMap((project) => readPackage(root, project));
  const imports = packages
    .flatMap(({ folder }) => sourceFiles(join(root, folder)))
    .flatMap((file) => importsOf(root, file));
  return { packages, imports, projectEdges: graph.edges };
}
