/** ts-image: container images in local files and folders. */
import {
  type Commands,
  checkCommand,
  defineTool,
  exit,
  interruptible,
  type Outcome,
  oneOf,
  type Parsed,
  parseSize,
  progress,
  sourceDate,
  splitAtCommand,
  UsageError,
  type World,
} from '@ts/cli';
import { formatLower, spaceFor } from '@ts/overlay';
import { Failure, type LiveSys, live } from '@ts/sys';
import { options } from './options.ts';

type Images = typeof import('@ts/images');
type Input = Parsed<typeof options>;

const CHOOSING = ['name', 'platform', 'max-size', 'no-progress'];

const COMMANDS = {
  inspect: { operands: '<image>', least: 1, most: 1, takes: [...CHOOSING, 'json', 'verify'] },
  unpack: {
    operands: '<image> <dir>',
    least: 2,
    most: 2,
    takes: [...CHOOSING, 'json', 'devices', 'no-same-owner', 'userxattr', 'replace'],
  },
  pack: {
    operands: '<image> [<layer>...]',
    least: 1,
    takes: [
      ...CHOOSING,
      ...['base', 'base-name', 'compress', 'reproducible', 'entrypoint', 'cmd', 'env', 'label', 'workdir', 'user'],
      ...['expose', 'volume', 'author', 'comment'],
    ],
  },
} as const satisfies Commands;

interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
}

interface Plan {
  readonly command: keyof typeof COMMANDS;
  readonly operands: readonly string[];
  readonly name?: string;
  readonly platform?: Platform;
  readonly json: boolean;
  readonly verify: boolean;
  readonly progress: boolean;
  /** Only says what would be done. */
  readonly isRehearsal: boolean;
  readonly unpack: {
    readonly maxSize: number;
    readonly devices: 'make' | 'refuse' | 'skip';
    readonly sameOwner: boolean;
    readonly space: 'trusted' | 'user';
    readonly isReplacing: boolean;
  };
  readonly pack: {
    readonly base?: string;
    readonly baseName?: string;
    readonly compression: 'gzip' | 'zstd' | 'none';
    readonly created: number;
    readonly latest?: number;
    readonly author?: string;
    readonly comment?: string;
    readonly run: Readonly<Record<string, unknown>>;
  };
}

function parsePlatform(text: string): Platform {
  const [os, architecture, variant, ...more] = text.split('/');
  if (!os || !architecture || more.length) throw new Failure(`failed to parse platform: '${text}'`);
  return { os, architecture, variant };
}

/** Pairs "key=value" as an object. */
const pairs = (long: string, list: readonly string[]) =>
  Object.fromEntries(
    list.map((pair) => {
      const equals = pair.indexOf('=');
      if (equals < 1) throw new UsageError(`--${long}: '${pair}' is not KEY=VALUE`);
      return [pair.slice(0, equals), pair.slice(equals + 1)];
    }),
  );

const emptyObjects = (keys: readonly string[]) => Object.fromEntries(keys.map((key) => [key, {}]));

/** What the image says of how it is run; what is not given is left out. */
function runOf({ values }: Input): Readonly<Record<string, unknown>> {
  const { entrypoint, cmd, env, label, workdir, user, expose, volume } = values;
  if (env) pairs('env', env);
  if (workdir !== undefined && !workdir.startsWith('/'))
    throw new UsageError('--workdir: the folder must begin with /');
  const given: Readonly<Record<string, unknown>> = {
    Entrypoint: entrypoint,
    Cmd: cmd,
    Env: env,
    Labels: label && pairs('label', label),
    WorkingDir: workdir,
    User: user,
    ExposedPorts: expose && emptyObjects(expose.map((port) => (port.includes('/') ? port : `${port}/tcp`))),
    Volumes: volume && emptyObjects(volume),
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

function plan(input: Input, world: World): Plan {
  const { values, operands } = input;
  const command = values.command as Plan['command'] | undefined;
  if (command === undefined) throw new UsageError(`no command: ${Object.keys(COMMANDS).join(', ')}`);
  checkCommand(COMMANDS, command, input, world.prog);
  if (command === 'pack' && operands.length === 1 && values.base === undefined)
    throw new UsageError('there is nothing to pack: layers, or --base');
  if (values['base-name'] !== undefined && values.base === undefined) throw new UsageError('--base-name needs --base');
  const most = spaceFor(world.read('/proc/self/uid_map'), world.read('/proc/self/status'));
  return {
    command,
    operands,
    name: values.name,
    platform: values.platform === undefined ? undefined : parsePlatform(values.platform),
    json: Boolean(values.json),
    verify: Boolean(values.verify),
    progress: !values['no-progress'],
    isRehearsal: input.steps.some(({ option }) => option.long === 'dry-run'),
    unpack: {
      maxSize: parseSize(values['max-size'] ?? '64G', 'size'),
      devices: values.devices ? 'make' : most === 'trusted' ? 'refuse' : 'skip',
      sameOwner: world.euid === 0 && !values['no-same-owner'],
      space: values.userxattr ? 'user' : most,
      isReplacing: Boolean(values.replace),
    },
    pack: {
      base: values.base,
      baseName: values['base-name'],
      compression: oneOf('compress', ['none', 'gzip', 'zstd'] as const, values.compress, 'gzip'),
      created: values.reproducible ? sourceDate(world) : Math.floor(Date.now() / 1000),
      latest: values.reproducible ? sourceDate(world) : undefined,
      author: values.author,
      comment: values.comment,
      run: runOf(input),
    },
  };
}

/** Opens an image for as long as it is used. */
async function withImage<T>(
  images: Images,
  sys: LiveSys,
  reference: string,
  name: string | undefined,
  { platform, unpack }: Plan,
  signal: AbortSignal,
  use: (candidate: import('@ts/images').Candidate, image: import('@ts/images').Image) => Promise<T>,
): Promise<T> {
  const from = images.parseReference(reference);
  const wanted = from.name ?? name;
  if (from.name !== undefined && name !== undefined && from.name !== name)
    throw new Failure(`'${reference}' names another image than '${name}'`);
  const source = await images.openSource(sys, from, unpack.maxSize, signal);
  try {
    const candidate = images.choose(await source.candidates(), wanted, platform ?? images.hostPlatform());
    return await use(candidate, await candidate.load());
  } finally {
    source.close();
  }
}

/** Bytes of all layers, as they are stored. */
const sizeOf = (image: import('@ts/images').Image) => image.layers.reduce((sum, { size }) => sum + size, 0);

async function inspect(images: Images, plan: Plan, sys: LiveSys, world: World, signal: AbortSignal): Promise<void> {
  await withImage(images, sys, plan.operands[0] as string, plan.name, plan, signal, async (candidate, image) => {
    if (plan.verify) {
      const shown = progress('verify', images.bytesToVerify(image), plan.progress);
      await images.verify(image, { maxSize: plan.unpack.maxSize, signal, advance: shown.advance }).finally(shown.end);
    }
    world.print(
      plan.json
        ? `${JSON.stringify(images.summary(candidate, image), null, 3)}\n`
        : images.describeImage(candidate, image),
    );
  });
}

async function unpack(images: Images, plan: Plan, sys: LiveSys, world: World, signal: AbortSignal): Promise<void> {
  const [reference, target] = plan.operands as [string, string];
  const { formatOmitted } = await import('@ts/layers');
  await withImage(images, sys, reference, plan.name, plan, signal, async ({ names }, image) => {
    const shown = progress('unpack', images.bytesToVerify(image) + sizeOf(image), plan.progress);
    const { layers, omitted } = await images
      .unpack(sys, image, names, target, { ...plan.unpack, signal, advance: shown.advance })
      .finally(shown.end);
    for (const line of formatOmitted(omitted)) world.warn(line);
    const lower = formatLower([...layers].reverse());
    world.print(plan.json ? `${JSON.stringify({ layers, lower, config: image.config }, null, 3)}\n` : `${lower}\n`);
  });
}

async function pack(images: Images, plan: Plan, sys: LiveSys, world: World, signal: AbortSignal): Promise<void> {
  const [operand, ...layers] = plan.operands as [string, ...string[]];
  const { base, baseName, ...rest } = plan.pack;
  const { transport, path: target, name = plan.name } = images.parseReference(operand);
  if (plan.name !== undefined && name !== plan.name)
    throw new Failure(`'${operand}' is another name than '${plan.name}'`);
  if (transport !== undefined && !transport.startsWith('oci'))
    throw new Failure(`images are written as oci: or oci-archive:, not as ${transport}:`);
  const isArchive = transport === undefined ? target.endsWith('.tar') : transport === 'oci-archive';
  const write = async (image?: import('@ts/images').Image) => {
    const shown = progress('pack', undefined, plan.progress);
    const digest = await images
      .pack(sys, target, {
        ...rest,
        maxSize: plan.unpack.maxSize,
        base: image,
        layers,
        isArchive,
        name,
        platform: plan.platform,
        skipped: (path) => world.warn(`'${path}' is a socket: left out`),
        signal,
        advance: shown.advance,
      })
      .finally(shown.end);
    world.print(`${digest}\n`);
  };
  if (base === undefined) await write();
  else await withImage(images, sys, base, baseName, plan, signal, (_, image) => write(image));
}

/** Everything is read and checked; what would be made of it is said. */
async function rehearse(images: Images, plan: Plan, world: World, signal: AbortSignal): Promise<void> {
  const sys = live();
  const [target, ...layers] = plan.operands as [string, ...string[]];
  const [reference, name] = plan.command === 'pack' ? [plan.pack.base, plan.pack.baseName] : [target, plan.name];
  const say = (line: string) => world.print(`${line}\n`);
  if (reference !== undefined)
    await withImage(images, sys, reference, name, plan, signal, async (candidate, image) => {
      await images.verify(image, { maxSize: plan.unpack.maxSize, signal });
      if (plan.command === 'inspect') world.print(images.describeImage(candidate, image));
      else
        for (const [index, { digest, diffId }] of image.layers.entries())
          say(
            plan.command === 'pack'
              ? `layer ${digest ?? diffId}`
              : `folder ${layers[0]}/${index + 1} from layer ${digest ?? diffId}`,
          );
    });
  if (plan.command !== 'pack') return;
  for (const layer of layers) say(`layer from ${layer}`);
  say(`image ${plan.name ?? 'without a name'} in ${target}`);
}

async function act(plan: Plan, sys: LiveSys, world: World): Promise<Outcome> {
  const images = await import('@ts/images');
  await interruptible(world, (signal) => {
    if (plan.isRehearsal) return rehearse(images, plan, world, signal);
    if (plan.command === 'inspect') return inspect(images, plan, sys, world, signal);
    return plan.command === 'unpack'
      ? unpack(images, plan, sys, world, signal)
      : pack(images, plan, sys, world, signal);
  });
  return exit(0);
}

export const tool = defineTool({
  name: 'ts-image',
  replaces: [],
  section: 1,
  summary: 'Unpack, make and show container images in local files.',
  synopsis: Object.entries(COMMANDS).map(([name, { operands }]) => `${name} [options] ${operands}`),
  options,
  grammar: { split: splitAtCommand(COMMANDS, { permute: true }) },
  description:
    'An image is a folder in the layout of the Open Container Initiative, an archive of such a folder, or what docker save writes; "-" is standard input. ' +
    'The prefixes `oci:`, `oci-archive:`, `docker-archive:` and `dir:` of skopeo(1) may stand before it, and behind all but the last a colon and the name of an image. All layers are read and checked against their digests, as they are stored and as the configuration has them, before anything is written.\n\n' +
    '`unpack` puts every layer into a folder of its own, <dir>/1 the lowest, and what is known of them into <dir>/image.json. It prints them as `ts-overlay --lower` takes them.\n\n' +
    '`pack` puts layers, folders or archives, the lowest first, upon those of a base or upon nothing, and prints the digest of the image. It makes a layout, adds to one that is there (`oci:`), or makes an archive where the path ends in .tar (`oci-archive:`).\n\n' +
    '`inspect` shows what an image is.\n\n' +
    'Layers may be compressed with gzip or zstd; those of xz and bzip2 are read by the programs of these names. An image has at most 500 layers, as many as the kernel stacks, and JSON that is nested at most 64 deep.',
  exitStatuses: [
    ['0', 'success'],
    ['1', 'a step failed, or wrong usage: nothing is left of it'],
  ],
  examples: [
    { command: 'ts-image inspect image.tar', says: 'what is in it' },
    {
      command: 'ts-overlay --lower "$(ts-image unpack image.tar layers)" --tmpfs merged ts-chroot merged /bin/sh',
      says: 'a shell in an image',
    },
    {
      command: 'ts-image pack --base image.tar --name mine:1 --cmd /bin/app images up',
      says: 'an image of it and one more layer',
    },
  ],
  plan,
  act,
});
