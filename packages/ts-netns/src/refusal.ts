/** The kernel's refusals in iproute2's words, and what helps. */
import { DumpError, NetlinkError } from '@ts/netlink';
import { Failure, strerror } from '@ts/sys';
import { netAdminHint } from './hints.ts';
import { FAILED, REFUSED } from './words.ts';

/** Any other error stays as it is. */
export function refusal(error: unknown, status = REFUSED): unknown {
  if (!(error instanceof NetlinkError)) return error;
  const message =
    error.text === undefined
      ? `RTNETLINK answers: ${strerror(error.errno)}`
      : `Error: ${error.text}${error.text.endsWith('.') ? '' : '.'}`;
  // The original says so of a list, and counts it as a failure of its own.
  if (error instanceof DumpError) return new Failure(`${message}\nDump terminated`, FAILED, remedyOf(error));
  return new Failure(message, status, remedyOf(error));
}

const remedyOf = ({ code }: NetlinkError): string | undefined => (code === 'EPERM' ? netAdminHint() : undefined);
