// Services as records: what one side writes, the other reads, and rubbish says nothing.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { decode, encode } from 'dns-packet';
import fc from 'fast-check';
import { isAsked, recordsOf, type Service, servicesIn } from './dns-sd.ts';

const service: Service = { type: '_skerry._tcp', name: 'skerry-1', port: 4711, txt: ['id=serial-1', 'name=Küche'] };
const packet = (records: ReturnType<typeof recordsOf>): Buffer => encode({ type: 'response', answers: records });

it('reads what was written, over the wire', () => {
  const { answers = [] } = decode(packet(recordsOf(service, ['192.0.2.7', '192.0.2.8'])));
  assert.deepEqual(servicesIn(answers, '_skerry._tcp'), [{ ...service, addresses: ['192.0.2.7', '192.0.2.8'] }]);
  assert.deepEqual(servicesIn(answers, '_other._tcp'), []);
});

it('forgets a service that says good-bye', () => {
  assert.deepEqual(servicesIn(recordsOf(service, [], 0), '_skerry._tcp'), []);
});

it('knows when it is asked', () => {
  const asked = (name: string): boolean => isAsked(service, [{ type: 'PTR', name, class: 'IN' }]);
  assert.ok(asked('_skerry._tcp.local'));
  assert.ok(asked('Skerry-1._skerry._tcp.local'));
  assert.ok(!asked('_http._tcp.local'));
  assert.ok(!isAsked(service, []));
});

it('survives packets that are damaged', () => {
  const whole = packet(recordsOf(service, ['192.0.2.7']));
  const damage = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(damage, (edits) => {
      const bytes = Buffer.from(whole);
      for (const [index, value] of edits) bytes[index] = value;
      let answers: ReturnType<typeof recordsOf>;
      try {
        answers = decode(bytes).answers ?? [];
      } catch {
        return; // multicast-dns drops what it can't decode
      }
      for (const found of servicesIn(answers, '_skerry._tcp')) assert.ok(found.port >= 0 && found.port < 65536);
    }),
    { seed: 1, numRuns: 2000 },
  );
});
