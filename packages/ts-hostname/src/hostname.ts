/** hostname(1): command-line interface for sethostname(2), gethostname(2). */
import { lacks } from '@ts/capabilities';
import { type Cause, defineTool, exit, explain, type Outcome, type Parsed, UsageError, type World } from '@ts/cli';
import { ownsNamespace } from '@ts/namespaces';
import {
  CAP_SYS_ADMIN,
  encode,
  Failure,
  type LiveSys,
  type Recording,
  readBytes,
  type Sys,
  SysError,
  saying,
} from '@ts/sys';
import { hostAddresses, hostEntry, isHostName, nameInFile, nameOfAddress } from './names.ts';
import { options } from './options.ts';

type Input = Parsed<typeof options>;

/** Formats of the name; of several given, the last one counts. */
const FORMATS = [
  'alias',
  'all-fqdns',
  'domain',
  'fqdn',
  'long',
  'ip-address',
  'all-ip-addresses',
  'short',
  'yp',
  'nis',
] as const;
/** `nis-or-none`: as the kernel has it, "(none)" where none was set. */
type Format = (typeof FORMATS)[number] | 'nis-or-none';

/** Links to the original, and the option that they stand for. */
const FORMAT_OF_NAME: Readonly<Record<string, Format>> = {
  domainname: 'nis-or-none',
  ypdomainname: 'yp',
  nisdomainname: 'yp',
  dnsdomainname: 'domain',
};

type Plan = (
  | { readonly does: 'show'; readonly format?: Format }
  | {
      readonly does: 'set';
      readonly what: 'host' | 'domain';
      readonly name: string;
      readonly program: readonly string[];
    }
  | { readonly does: 'nothing'; readonly program: readonly string[] }
) & { /** Where the name comes from. */ readonly file?: string };

const isNis = (format: Format | undefined) => format === 'yp' || format === 'nis' || format === 'nis-or-none';

/** What stands behind the name, without the `--` that may part it. */
const programOf = (words: readonly string[]) => (words[0] === '--' ? words.slice(1) : words);

/** The file is opened once more for its error. */
function refuse(file: string): never {
  saying(`cannot open ${file}`, () => readBytes(file, 1));
  throw new Failure(`cannot read ${file}`);
}

function nameOf(file: string, boot: boolean, world: World): string | undefined {
  const text = world.read(file);
  if (text === undefined && !boot) refuse(file);
  const name = nameInFile(text ?? '');
  // As in the original, a file of comments alone is an error and an empty one is none.
  if (text || !boot) return name;
  // The name a kernel starts with is "(none)".
  const current = world.read('/proc/sys/kernel/hostname')?.trim();
  return current && current !== '(none)' ? undefined : 'localhost';
}

const lastGiven = (steps: Input['steps']) =>
  steps.map(({ option }) => option.long).findLast((long) => (FORMATS as readonly string[]).includes(long));

function plan({ values, steps, operands, beforeDashes }: Input, world: World): Plan {
  const given = FORMATS.find((each) => each === lastGiven(steps));
  const format = given ?? FORMAT_OF_NAME[world.prog];
  const { file } = values;
  const what = isNis(format) ? 'domain' : 'host';
  const [first, ...rest] = operands;
  if (first === undefined && file === undefined) return { does: 'show', format };
  if (format !== undefined && what === 'host') throw new UsageError(`--${format} prints a name, it cannot set one`);
  if (file !== undefined && first !== undefined && beforeDashes > 0)
    throw new UsageError(
      'the name comes from the file or from the command line, not from both',
      false,
      'a program to run stands behind --',
    );
  const name = file === undefined ? first : nameOf(file, Boolean(values.boot), world);
  const program = file === undefined ? programOf(rest) : operands;
  if (name === undefined) return { does: 'nothing', program, file };
  if (what === 'host' && !isHostName(name))
    throw new Failure(
      'the specified hostname is invalid',
      undefined,
      `letters, digits, hyphens and dots make a name: '${name}' is none`,
    );
  return { does: 'set', what, name, program, file };
}

const REFUSED = {
  host: 'you must be root to change the host name',
  domain: 'you must be root to change the domain name',
};

function set(sys: Sys, { what, name }: Extract<Plan, { does: 'set' }>): void {
  const bytes = encode(name);
  const asked = sys.or(bytes.length > 64 ? 'name too long' : REFUSED[what]).explaining(`${what}name`);
  if (what === 'host') asked.sethostname(bytes);
  else asked.setdomainname(bytes);
}

/** As the original words it: without the error of the system call. */
function setNow(sys: LiveSys, plan: Extract<Plan, { does: 'set' }>, world: World): void {
  try {
    set(sys, plan);
  } catch (error) {
    if (!(error instanceof SysError)) throw error;
    if (error.code === 'EINVAL') throw new Failure('name too long', undefined, 'a name has 64 bytes at most');
    if (error.code !== 'EPERM') throw error;
    throw new Failure(REFUSED[plan.what], undefined, explain(causes, `${plan.what}name`, error.code, world));
  }
}

const causes: readonly Cause[] = ['hostname', 'domainname'].map((of) => ({
  of,
  errors: ['EPERM'],
  probe: (_, world) => {
    if (lacks(world.read, CAP_SYS_ADMIN))
      return 'this needs CAP_SYS_ADMIN: be root, or do it in namespaces of your own: ts-unshare --map-root-user --uts';
    return ownsNamespace('uts') === false
      ? 'the UTS namespace belongs to another user namespace: make one of your own with ts-unshare --uts'
      : undefined;
  },
}));

/** What the host's own files know of its name; the original asks the name services too. */
function known(name: string, world: World) {
  const entry = hostEntry(world.read('/etc/hosts') ?? '', name);
  if (!entry)
    throw new Failure(
      'Name or service not known',
      undefined,
      `/etc/hosts has no line for ${name}: add one, such as "127.0.1.1 ${name}.example.org ${name}"`,
    );
  return entry;
}

const afterDot = (name: string) => (name.includes('.') ? name.slice(name.indexOf('.') + 1) : '');

function show(sys: LiveSys, format: Format | undefined, world: World): string {
  const { nodename, domainname } = sys.uname();
  switch (format) {
    case undefined:
      return `${nodename}\n`;
    case 'short':
      return `${nodename.split('.')[0]}\n`;
    case 'fqdn':
    case 'long':
      return `${known(nodename, world).names[0]}\n`;
    case 'domain': {
      const domain = afterDot(known(nodename, world).names[0] as string);
      return domain && `${domain}\n`;
    }
    case 'alias':
      return `${known(nodename, world).names.slice(1).join(' ')}\n`;
    case 'ip-address':
      return `${known(nodename, world).addresses.join(' ')}\n`;
    case 'all-fqdns': {
      const hosts = world.read('/etc/hosts') ?? '';
      const names = hostAddresses().flatMap((address) => nameOfAddress(hosts, address) ?? []);
      return `${names.map((each) => `${each} `).join('')}\n`;
    }
    case 'all-ip-addresses':
      return `${hostAddresses()
        .map((address) => `${address} `)
        .join('')}\n`;
    case 'nis-or-none':
      return `${domainname}\n`;
    case 'yp':
    case 'nis':
      if (domainname === '' || domainname === '(none)') throw new Failure('Local domain name not set');
      return `${domainname}\n`;
  }
}

const end = (program: readonly string[]): Outcome => (program.length ? { become: program } : exit(0));

export const tool = defineTool({
  name: 'ts-hostname',
  replaces: ['hostname', 'domainname', 'ypdomainname', 'nisdomainname', 'dnsdomainname'],
  section: 1,
  summary: 'Show or set the host name, and perhaps run a program.',
  synopsis: [
    '[-a|-A|-d|-f|-i|-I|-s|-y]',
    '[-b] [-y] <name> [[--] <program> [<argument>...]]',
    '[-b] [-y] -F <file> [-- <program> [<argument>...]]',
  ],
  options,
  usageStatus: 255,
  causes,
  files: ({ file }) => (file === undefined ? [] : [file]),
  description:
    'Without a name, prints that of the host (of the UTS namespace). With one, sets it; words behind it are a program that is run afterwards in its place.',
  differences: [
    'Words behind the name are a program to run; the original refuses them. So options stand before the name.',
    'Long names, domains, aliases and addresses of the name come from /etc/hosts alone, not from DNS or another name service.',
    'That no NIS domain is set is said on standard error.',
    'Help goes to standard output with status 0, and wrong usage is answered by a line that says what is wrong.',
  ],
  exitStatuses: [
    ['1', 'the name cannot be set or found'],
    ['255', 'wrong usage'],
    ['126', 'the program cannot be executed'],
    ['127', 'the program was not found'],
    ['else', 'that of the program'],
  ],
  examples: [
    { command: 'ts-unshare --uts ts-hostname box uname -n', says: 'a name for one program: prints box' },
    { command: 'ts-unshare -r -u ts-hostname -F /etc/hostname -- sh', says: 'the name from a file, then a shell' },
  ],
  plan,
  becomes: (plan) => plan.does !== 'show' && plan.program.length > 0,
  apply: (plan, sys: Recording) => {
    if (plan.does === 'set') set(sys, plan);
    return plan.does === 'show' ? exit(0) : end(plan.program);
  },
  act: (plan, sys, world) => {
    if (plan.does === 'show') world.print(show(sys, plan.format, world));
    else if (plan.does === 'set') setNow(sys, plan, world);
    return exit(0);
  },
});
