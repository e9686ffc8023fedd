/** `type vrf`. */
import { VRF } from '@ts/netlink';
import { numberOf } from '../names.ts';
import { number, row } from '../rows.ts';
import { wrong } from '../words.ts';
import { kind } from './kind.ts';

export const VRF_ROWS = {
  table: row(
    VRF.table,
    'table',
    {
      ...number(),
      read: (words) => {
        const text = words.argument();
        const table = numberOf('rt_tables', text);
        if (table === undefined) throw wrong(text, 'invalid table ID\n');
        return table;
      },
    },
    { usage: null },
  ),
};

export const vrf = kind('vrf', VRF_ROWS, { unknown: 'option', before: 'table TABLEID' });

/** A member of it: only shown. */
export const vrfPort = kind('vrf_slave', VRF_ROWS, { port: true });
