/** Refusals in iproute2's words and ours, and what helps. */
import { DumpError, NetlinkError } from '@ts/netlink';
import { NetworkFailure, pathOf, type Reason } from '@ts/network';
import { Failure, strerror } from '@ts/sys';
import { mountedHint, namesHint, netAdminHint, sysAdminHint } from './hints.ts';
import { FAILED, REFUSED, wrong } from './words.ts';

/** A refusal by the kernel, or a failure of our networks; any other error stays as it is. */
export function refusal(error: unknown, status = REFUSED): unknown {
  if (!(error instanceof NetlinkError)) return advised(error);
  const message =
    error.text === undefined
      ? `RTNETLINK answers: ${strerror(error.errno)}`
      : `Error: ${error.text}${error.text.endsWith('.') ? '' : '.'}`;
  // The original says so of a list, and counts it as a failure of its own.
  if (error instanceof DumpError) return new Failure(`${message}\nDump terminated`, FAILED, remedyOf(error));
  return new Failure(message, status, remedyOf(error));
}

const remedyOf = ({ code }: NetlinkError): string | undefined => (code === 'EPERM' ? netAdminHint() : undefined);

const LACKING = ['ENOENT', 'EOPNOTSUPP', 'EPROTONOSUPPORT', 'EINVAL'];

/** What helps, by what went wrong: said only where it is known. */
const ADVICE: Readonly<Record<Reason, (subject: string, code: string) => string | undefined>> = {
  enter: (name, code) => {
    if (code === 'ENOENT') return 'there is no such namespace: ts-netns list shows those there are';
    if (code === 'EINVAL') return mountedHint(pathOf(name));
    return code === 'EPERM' || code === 'EACCES' ? sysAdminHint() : undefined;
  },
  file: (_, code) => (code === 'EPERM' || code === 'EACCES' ? namesHint() : undefined),
  'link taken': () => 'choose another name: --host-device NAME',
  'name servers': () => 'leave out --dns, or remove that file',
  'no address': (name) => `give it one: ts-netns connect ${name} --bridge BRIDGE --address ADDRESS/LENGTH`,
  forwarding: (path) =>
    `packets are passed on only with forwarding: have it turned on (sysctl -w ${path.slice('/proc/sys/'.length).replaceAll('/', '.')}=1), or do this in a network namespace of your own`,
  filter: (_, code) => {
    if (code === 'EPERM')
      return 'this needs CAP_NET_ADMIN in the network namespace: be root, or do it in namespaces of your own: ts-unshare --map-root-user --net';
    return LACKING.includes(code)
      ? 'the kernel may lack nf_tables with nat, masquerade and fib (CONFIG_NF_TABLES_INET, NFT_NAT, NFT_MASQ, NFT_FIB_INET)'
      : undefined;
  },
  ports: () =>
    'as in 8080:80/tcp or 8000-8009:9000-9009/udp: ports outside, those inside, and tcp, udp or sctp; an address of the host may stand before',
  word: () => undefined,
  loopback: () => 'leave the address out: the port is then published on every other address of this host',
};

/** Reasons that are a wrong word. */
const WORDS: readonly Reason[] = ['ports', 'word', 'loopback'];

function advised(error: unknown): unknown {
  if (!(error instanceof NetworkFailure)) return error;
  const { reason, subject = '', code = '', said, status } = error;
  const message = WORDS.includes(reason) ? wrong(subject, said).said : said;
  return new Failure(message, status, ADVICE[reason](subject, code));
}

/** Does something; a failure of our networks is said with what helps. */
export function withAdvice<T>(act: () => T): T {
  try {
    return act();
  } catch (error) {
    throw advised(error);
  }
}
