import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { runNx } from '../testing/nx.ts';
import { cacheFolder } from '../workspace.ts';

interface GraphFile {
  graph: {
    nodes: Record<string, { data: { root: string; tags?: string[] } }>;
    dependencies: Record<string, { source: string; target: string }[]>;
  };
}

export interface Project {
  name: string;
  root: string;
  layer: string;
}

export interface ProjectGraph {
  projects: Project[];
  edges: { from: string; to: string }[];
}

function layerTag(tags: string[] = []): string {
  return tags.find((tag) => tag.startsWith('layer:'))?.slice('layer:'.length) ?? '';
}

export function parseGraph({ graph }: GraphFile): ProjectGraph {
  return {
    projects: Object.entries(graph.nodes).map(([name, { data }]) => ({
      name,
      root: data.root,
      layer: layerTag(data.tags),
    })),
    edges: Object.values(graph.dependencies).flatMap((edges) =>
      edges.map(({ source, target }) => ({ from: source, to: target })),
    ),
  };
}

export async function readProjectGraph(): Promise<ProjectGraph> {
  mkdirSync(cacheFolder, { recursive: true });
  const file = join(cacheFolder, `project-graph-${process.pid}.json`);
  const status = await runNx(['graph', `--file=${file}`], {}, 'quiet');
  if (status !== 0) throw new Error(`nx graph failed with status ${status}`);
  const graph = parseGraph(JSON.parse(readFileSync(file, 'utf8')) as GraphFile);
  rmSync(file);
  return graph;
}
