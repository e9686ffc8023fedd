/** Types of file systems: patterns of names, what the kernel knows. Pure. */

/** Whether a type matches `-t`: names separated by commas; "no" in front of the list (or of a name) turns it around. */
export function matchesType(type: string, pattern: string): boolean {
  const negated = pattern.startsWith('no') && !pattern.startsWith('none');
  const names = (negated ? pattern.slice(2) : pattern).split(',');
  if (negated) return !names.some((name) => name === type || name === `no${type}`);
  return names.includes(type) && !names.includes(`no${type}`);
}

/** Whether options match `-O`: all of the named ones are there, and none of those with "no" in front. */
export const matchesOptions = (options: readonly string[], pattern: string): boolean =>
  pattern.split(',').every((word) => {
    if (word.startsWith('+')) return options.includes(word.slice(1));
    return word.startsWith('no') ? !options.includes(word.slice(2)) : options.includes(word);
  });

/** Types that live on a device, in the order of /proc/filesystems. */
export const deviceTypes = (text: string): string[] =>
  text.split('\n').flatMap((line) => (line === '' || line.startsWith('nodev') ? [] : [line.trim()]));
