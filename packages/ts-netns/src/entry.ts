/** One object of a list: its text and its JSON, made together. */
import { formatJson, type Json } from './json.ts';

export class Entry {
  text = '';
  json: { [key: string]: Json } = {};

  /** @param end What ends a line within the object: "\n", or "\\" with -oneline. */
  constructor(readonly end: string) {}

  /** In both; `text` stands as it is. */
  both(key: string, value: Json, text: string): void {
    this.json[key] = value;
    this.text += text;
  }

  say(text: string): void {
    this.text += text;
  }

  note(key: string, value: Json): void {
    this.json[key] = value;
  }

  line(text = ''): void {
    this.text += this.end + text;
  }

  /** An object within: its text goes on in this one's. */
  inside(key: string, fill: (inner: Entry) => void): void {
    const inner = new Entry(this.end);
    fill(inner);
    this.text += inner.text;
    this.json[key] = inner.json;
  }
}

/** What is printed of a list. */
export const render = (entries: readonly Entry[], { json, pretty }: { json: boolean; pretty: boolean }): string =>
  json
    ? formatJson(
        entries.map((entry) => entry.json),
        pretty,
      )
    : entries.map((entry) => entry.text).join('');
