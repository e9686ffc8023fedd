/** What tests have made and not yet removed: an interrupted run removes it, too. */
const open = new Set<Disposable>();

function removeAll(): void {
  for (const each of open) each[Symbol.dispose]();
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.once(signal, () => {
    removeAll();
    process.kill(process.pid, signal);
  });
process.once('exit', removeAll);

/** Remembers it until it is forgotten: to be said before anything is made. */
export const remember = (made: Disposable): void => {
  open.add(made);
};

export const forget = (made: Disposable): void => {
  open.delete(made);
};
