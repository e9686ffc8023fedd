/** Text in double quotes with C escapes; bytes that are no text as \xNN. */
export function quote(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what has to be shown otherwise
  const shown = text.replace(/["\\\n\t\r]|[\0-\x1f\x7f]|[\udc80-\udcff]/g, (character) => {
    const escapes: Record<string, string> = { '"': '\\"', '\\': '\\\\', '\n': '\\n', '\t': '\\t', '\r': '\\r' };
    return escapes[character] ?? `\\x${(character.charCodeAt(0) & 0xff).toString(16).padStart(2, '0')}`;
  });
  return `"${shown}"`;
}
