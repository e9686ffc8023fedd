/**
 * The text that Node is started with (`-e`): reads the tool's script and its code cache out of the tool's own file, and runs it.
 *
 * `process.argv` is: node, state, argv[0], argv[1] …; the state begins with the number of the descriptor of the file.
 */
export interface Part {
  readonly offset: number;
  readonly size: number;
}

export interface Parts {
  readonly name: string;
  readonly script: Part;
  readonly cache: Part;
  readonly wholeScript: Part;
  readonly wholeCache: Part;
}

/** Name of the scripts in stack traces. It is part of what a code cache is valid for. */
export const SCRIPT_NAME = 'ts-tools';

const part = ({ offset, size }: Part) => (size ? `r(${offset},${size})` : 'undefined');

export const loader = ({ name, script, cache, wholeScript, wholeCache }: Parts): string =>
  [
    `const s=process.argv[1],f=parseInt(s),q=require('fs'),r=(o,n)=>{const b=Buffer.allocUnsafeSlow(n);q.readSync(f,b,0,n,o);return b}`,
    `const l='/proc/self/fd/'+f,x=(t,c)=>new(require('vm').Script)(t.latin1Slice(),{filename:'${SCRIPT_NAME}',cachedData:c}).runInThisContext()(require,{})`,
    `let p;try{p=q.readlinkSync(l)}catch{}`,
    `x(${part(script)},${part(cache)})('${name}',s,l,p,()=>x(${part(wholeScript)},${part(wholeCache)})('${name}',s,l,p))`,
  ].join(';');
