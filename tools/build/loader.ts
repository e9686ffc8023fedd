/**
 * The text that Node is started with (`-e`): reads the tool's script and its code cache out of the tool's own file, and runs it.
 *
 * `process.argv` is: node, state, argv[0], argv[1] …; the state begins with the number of the descriptor of the file.
 */
export interface Parts {
  readonly name: string;
  readonly script: { readonly offset: number; readonly size: number };
  readonly cache: { readonly offset: number; readonly size: number };
}

/** Name of the script in stack traces. It is part of what the code cache is valid for. */
export const SCRIPT_NAME = 'ts-tools';

export const loader = ({ name, script, cache }: Parts): string =>
  [
    `const s=process.argv[1],f=parseInt(s),q=require('fs'),r=(o,n)=>{const b=Buffer.allocUnsafeSlow(n);q.readSync(f,b,0,n,o);return b}`,
    `const l='/proc/self/fd/'+f`,
    `let c${cache.size ? `=r(${cache.offset},${cache.size})` : ''}`,
    `const g=new(require('vm').Script)(r(${script.offset},${script.size}).latin1Slice(),{filename:'${SCRIPT_NAME}',cachedData:c}).runInThisContext()(require,{})`,
    `let p;try{p=q.readlinkSync(l)}catch{}`,
    `g('${name}',s,l,p)`,
  ].join(';');
