import { COMMAND_OPTION, HELP_OPTIONS, type Option } from '@ts/cli';

const CHOICE = 'Which image';
const UNPACKING = 'Unpacking';
const PACKING = 'Packing';

export const options = [
  ...HELP_OPTIONS,
  COMMAND_OPTION,
  {
    long: 'name',
    arg: 'name',
    help: 'name of the image: which one is meant, or what a new one is called',
    details:
      'The end of a name is enough. The digest of a manifest chooses that one, whatever platform it is for; that of an index, one of those that it leads to.',
    group: CHOICE,
    ours: true,
  },
  {
    long: 'platform',
    arg: 'os/architecture[/variant]',
    help: 'platform of the image (default: that of this host)',
    details:
      'Platforms are compared as containerd compares them: arm64 is arm64/v8, arm is arm/v7, amd64 is amd64/v1. Where there is none for the variant itself, the next lower one of arm and amd64 is taken. An image that names no platform suits all.',
    group: CHOICE,
    ours: true,
  },
  { long: 'json', help: 'print as JSON', group: CHOICE, ours: true },
  { long: 'verify', help: 'read all layers and check their digests', group: CHOICE, ours: true },
  {
    long: 'max-size',
    arg: 'size',
    help: 'refuse layers that grow beyond this (default 64G)',
    group: CHOICE,
    ours: true,
  },
  { long: 'no-progress', help: 'no progress on a terminal', group: CHOICE, ours: true },
  {
    long: 'devices',
    help: 'make device nodes that layers have',
    details:
      'Without it, device nodes are refused; where none can be made, as by an ordinary user or in a user namespace, they are left out and counted.',
    group: UNPACKING,
    ours: true,
  },
  { long: 'no-same-owner', help: 'files belong to the caller', group: UNPACKING, ours: true },
  { long: 'userxattr', help: 'keep marks in user.overlay.* attributes', group: UNPACKING, ours: true },
  { long: 'replace', help: 'put it in the place of a folder that is there', group: UNPACKING, ours: true },
  { long: 'base', arg: 'image', help: 'the image that layers are put upon', group: PACKING, ours: true },
  { long: 'base-name', arg: 'name', help: 'which image of those in the base', group: PACKING, ours: true },
  {
    long: 'compress',
    arg: 'gzip|zstd|none',
    help: 'how new layers are compressed (default gzip)',
    group: PACKING,
    ours: true,
  },
  {
    long: 'reproducible',
    help: 'the same image from the same files',
    details: 'Times are not later than SOURCE_DATE_EPOCH, or 0 where that is not set; the image says it was made then.',
    group: PACKING,
    ours: true,
  },
  {
    long: 'entrypoint',
    arg: 'word',
    repeat: true,
    help: 'a word of what is run, in order',
    group: PACKING,
    ours: true,
  },
  {
    long: 'cmd',
    arg: 'word',
    repeat: true,
    help: 'a word of what is run behind that, in order',
    group: PACKING,
    ours: true,
  },
  { long: 'env', arg: 'name=value', repeat: true, help: 'a variable of its environment', group: PACKING, ours: true },
  { long: 'label', arg: 'key=value', repeat: true, help: 'a label', group: PACKING, ours: true },
  { long: 'workdir', arg: 'dir', help: 'its working directory', group: PACKING, ours: true },
  { long: 'user', arg: 'user[:group]', help: 'who runs it', group: PACKING, ours: true },
  { long: 'expose', arg: 'port[/proto]', repeat: true, help: 'a port that it serves', group: PACKING, ours: true },
  { long: 'volume', arg: 'dir', repeat: true, help: 'a folder for what outlives it', group: PACKING, ours: true },
  { long: 'author', arg: 'text', help: 'who has made it', group: PACKING, ours: true },
  { long: 'comment', arg: 'text', help: 'why there are new layers', group: PACKING, ours: true },
] as const satisfies readonly Option[];
