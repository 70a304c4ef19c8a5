// Names that are addresses: only one way to write each.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { ipAddressError } from './names.ts';

it('takes addresses in canonical form', () => {
  for (const text of ['10.96.0.1', '0.0.0.0', '255.255.255.255', '::', '::1', '2001:db8::1', 'fe80::1:0:0:1'])
    assert.equal(ipAddressError(text), undefined, text);
});

it('refuses what is none, or is written otherwise', () => {
  const others = ['', '.', '..', '1', '1.2.3', '1.2.3.256', '01.2.3.4', '1.2.3.4.5', '1..2.3', 'a.b.c.d', '0x1.2.3.4'];
  const longer = [
    '2001:DB8::1',
    '2001:0db8::1',
    '1:0:0:0:0:0:0:1',
    ':::',
    '1::2::3',
    'a'.repeat(300),
    '::1%eth0',
    '[::1]',
  ];
  for (const text of [...others, ...longer])
    assert.equal(ipAddressError(text), 'must be a valid IP address in canonical form', text);
});
