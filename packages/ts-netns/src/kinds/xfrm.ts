/** `type xfrm`. */
import { u32 } from '@ts/netlink';
import * as sys from '@ts/sys';
import { Failure, U32_MAX } from '@ts/sys';
import { type Attribute, device, hexadecimal, row, UNSEEN } from '../rows.ts';
import { FAILED, numberIn, wrong } from '../words.ts';
import { kind } from './kind.ts';
import { cannotFind, external, picked } from './tunnel.ts';

export const XFRM_ROWS = {
  external: external(sys.IFLA_XFRM_COLLECT_METADATA),
  id: row(
    [sys.IFLA_XFRM_IF_ID, u32],
    'if_id~',
    {
      read: (words) => {
        const text = words.argument();
        return numberIn(text, 1, U32_MAX, () => wrong(text, 'if_id value is invalid'));
      },
      show: (value) => [hexadecimal(value)],
    },
    { usage: 'if_id IF-ID' },
  ),
  link: {
    ...row([sys.IFLA_XFRM_LINK, u32], 'dev~', device(cannotFind), { usage: 'dev [ PHYS_DEV ]' }),
    // Said with the name of the link: what carries it stands behind the @.
    show: UNSEEN,
  } satisfies Attribute<number>,
};

export const xfrm = kind('xfrm', XFRM_ROWS, {
  refuse: (_, usage) => new Failure(usage.trimEnd(), FAILED),
  settle: ({ data }) => picked(data, 'external', 'id', 'link'),
  usage: 'Usage: ... xfrm dev [ PHYS_DEV ] [ if_id IF-ID ]\n\t\t[ external ]\n\nWhere: IF-ID := { 0x1..0xffffffff }\n',
});
