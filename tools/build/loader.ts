/**
 * The text that Node is started with (`-e`): reads the tool's script and its code cache out of the tool's own file, and runs it.
 *
 * `process.argv` is: node, state, argv[0], argv[1] …; the state begins with the number of the descriptor of the file.
 */
export interface Parts {
  readonly name: string;
  readonly script: { readonly offset: number; readonly size: number };
  /** `key`: what the cache is valid for. */
  readonly cache: { readonly offset: number; readonly size: number; readonly key: string };
}

/**
 * Which Node made a code cache. V8 compares the first three numbers of its own version and takes what another patch release
 * has compiled, with other numbers for its functions; it crashes then. The size of the executable tells apart two builds of one release.
 */
export const CACHE_KEY = `[process.version,process.versions.v8,require('fs').statSync(process.execPath).size].join(' ')`;

/** Name of the script in stack traces. It is part of what the code cache is valid for. */
export const SCRIPT_NAME = 'ts-tools';

export const loader = ({ name, script, cache }: Parts): string =>
  [
    `const s=process.argv[1],f=parseInt(s),q=require('fs'),r=(o,n)=>{const b=Buffer.allocUnsafeSlow(n);q.readSync(f,b,0,n,o);return b}`,
    // Without /proc the launcher has put the path of the file at the end of the state.
    `const d='/proc/self/fd/'+f,l=s.split(':').slice(6).join(':')||d`,
    cache.size ? `let c;try{c=${CACHE_KEY}==='${cache.key}'?r(${cache.offset},${cache.size}):c}catch{}` : 'let c',
    `const g=new(require('vm').Script)(r(${script.offset},${script.size}).latin1Slice(),{filename:'${SCRIPT_NAME}',cachedData:c}).runInThisContext()(require,{})`,
    `let p;try{p=q.readlinkSync(d)}catch{}`,
    `g('${name}',s,l,p)`,
  ].join(';');
