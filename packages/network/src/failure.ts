/** What can go wrong with networks of our own, told apart so that a caller can say what helps. */
import { Failure, SysError, strerror } from '@ts/sys';

export type Reason =
  /** A namespace cannot be opened or entered. `subject`: its name. */
  | 'enter'
  /** The file of a namespace cannot be made or removed. */
  | 'file'
  /** The name of the outer end is taken by a link of somebody else. */
  | 'link taken'
  /** There is a list of name servers that is not ours. */
  | 'name servers'
  /** A namespace has no address. `subject`: its name. */
  | 'no address'
  /** Forwarding cannot be turned on. `subject`: the file. */
  | 'forwarding'
  /** The packet filter refuses. */
  | 'filter'
  /** A text names no ports. `subject`: the text. */
  | 'ports'
  /** A part of such a text is wrong. `subject`: that part. */
  | 'word'
  /** A text names a loopback address. `subject`: that address. */
  | 'loopback';

export class NetworkFailure extends Failure {
  /**
   * @param message One line, as of every Failure.
   * @param status Exit status of a tool; that for failures where it is left out.
   * @param code Name of the errno, where the kernel refused.
   */
  constructor(
    readonly reason: Reason,
    message: string,
    status: number | undefined,
    readonly subject?: string,
    readonly code?: string,
  ) {
    super(message, status);
  }
}

/** The kernel's refusal as a failure with a reason; any other error stays as it is. */
export const because = (reason: Reason, message: string, error: unknown, status?: number, subject?: string): unknown =>
  error instanceof SysError
    ? new NetworkFailure(reason, `${message}: ${strerror(error.errno)}`, status, subject, error.code)
    : error;
