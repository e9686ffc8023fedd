/**
 * The text that Node is started with, as a script or with -e: reads the tool's script and its code cache out of the tool's own file,
 * and runs it.
 *
 * `process.argv` is: node, path of this script if it is one, state, group that was left, argv[0], argv[1] …; the state begins with the
 * number of the descriptor of the file.
 */
export interface Part {
  readonly offset: number;
  readonly size: number;
}

export interface Parts {
  readonly name: string;
  /** What the code caches are valid for. */
  readonly key: string;
  readonly script: Part;
  readonly cache: Part;
  readonly wholeScript: Part;
  /** Scripts to be loaded behind it, each with its code cache. */
  readonly behind: Part;
  /** Where in them each lies: JSON, tool → [offset, size, offset, size] of script and cache. */
  readonly index: Part;
}

/**
 * Which Node made a code cache. V8 compares the first three numbers of its own version and takes what another patch release
 * has compiled, with other numbers for its functions; it crashes then. The size of the executable tells apart two builds of one release.
 */
export const CACHE_KEY = `[process.version,process.versions.v8,process.getBuiltinModule('fs').statSync(process.execPath).size].join(' ')`;

/** Name of the scripts in stack traces. It is part of what a code cache is valid for. */
export const SCRIPT_NAME = 'ts-tools';

const read = ({ offset, size }: Part) => `r(${offset},${size})`;
const readLater = (part: Part) => (part.size ? `()=>${read(part)}` : '()=>undefined');

/** @param phases Says where a part of the start-up is over, to the clock of the benchmark (tools/bench/startup.ts). */
export function loader({ name, key, script, cache, wholeScript, behind, index }: Parts, phases = false): string {
  const phase = (words: string) => (phases ? [`phase('${words}')`] : []);
  return [
    ...phase('Node'),
    `const R=process.getBuiltinModule,t=__filename,i=t.startsWith('/proc/self/fd/'),s=process.argv[i?2:1],f=parseInt(s),q=R('fs'),r=(o,n)=>{const b=Buffer.allocUnsafeSlow(n);q.readSync(f,b,0,n,o);return b}`,
    // Without /proc the launcher has put the path of the file at the end of the state.
    `const d='/proc/self/fd/'+f,l=s.split(':').slice(6).join(':')||d`,
    `if(i)q.closeSync(+t.slice(14))`,
    `let k;try{k=${CACHE_KEY}==='${key}'}catch{}`,
    `const x=(t,c)=>new(R('vm').Script)(t.latin1Slice(),{filename:'${SCRIPT_NAME}',cachedData:k?c():undefined})`,
    `let p;try{p=q.readlinkSync(d)}catch{}`,
    `const w=()=>x(${read(wholeScript)},()=>undefined).runInThisContext()(R,{})('${name}',s,l,p)`,
    `let j;const h=n=>{const e=(j??=JSON.parse(${read(index)}.latin1Slice()))[n],o=${behind.offset};if(e)return x(r(o+e[0],e[1]),()=>e[3]?r(o+e[2],e[3]):undefined).runInThisContext()}`,
    `const y=x(${read(script)},${readLater(cache)})`,
    ...phase('compiled'),
    'const z=y.runInThisContext()(R,{})',
    ...phase('loaded'),
    `z('${name}',s,l,p,w,h)`,
  ].join(';');
}
