/** Devices by what they are labelled with: the links that udev makes. */
import { encode } from '@ts/sys';

/** Folders of /dev/disk in which a device is found by each kind of name. */
const FOLDERS: Readonly<Record<string, string>> = {
  LABEL: 'by-label',
  UUID: 'by-uuid',
  PARTLABEL: 'by-partlabel',
  PARTUUID: 'by-partuuid',
  ID: 'by-id',
};

export interface Tag {
  readonly name: string;
  readonly value: string;
}

/** A source that names a device by a tag, `LABEL=x` or `LABEL="x"`; undefined for any other. */
export function parseTag(source: string): Tag | undefined {
  const [, name = '', quoted = ''] = /^([A-Z]+)=(.*)$/s.exec(source) ?? [];
  if (!Object.hasOwn(FOLDERS, name)) return undefined;
  return { name, value: quoted.replace(/^(["'])(.*)\1$/s, '$2') };
}

/** Characters that udev does not take into a name stand there as \xNN. */
const asUdevName = (value: string) =>
  value.replace(/[^\w#+.:=@-]/g, (character) =>
    [...encode(character)].map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join(''),
  );

/** The link under which udev would show the device of a tag. */
export const linkOfTag = ({ name, value }: Tag): string =>
  `/dev/disk/${FOLDERS[name]}/${asUdevName(name.endsWith('UUID') ? value.toLowerCase() : value)}`;
