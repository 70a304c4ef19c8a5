// What a device does with the identity that it finds.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Identity } from '../state/identity.ts';
import { defaultNodeName, distinctNodeName } from './hardware-id.ts';
import { hashToken, planDevice, settableLabels, withClaim } from './plan.ts';

const hardwareId = 'serial-1';
const hub = 'mqtts://hub:8883';
const [token, other] = ['skerry1.a', 'skerry1.b'];
const identity: Identity = {
  nodeName: 'kitchen',
  instance: '1',
  hubUrl: hub,
  certificate: 'c',
  key: 'k',
  authority: 'a',
  hardwareId,
  tokenHash: hashToken(token),
};

describe('a device without an identity', () => {
  const plan = (config: object): ReturnType<typeof planDevice> =>
    planDevice({ config, identity: undefined, hardwareId });

  it('asks for one when it knows where', () => {
    const nodeName = defaultNodeName(hardwareId);
    assert.deepEqual(plan({ hub, token }).claim, { hubUrl: hub, token, nodeName });
    assert.deepEqual(plan({ hub, token, name: 'attic' }).claim, { hubUrl: hub, token, nodeName: 'attic' });
  });

  it('waits for somebody when it does not', () => {
    for (const config of [{}, { hub }, { token }, { name: 'attic' }])
      assert.deepEqual(plan(config), { identity: undefined, isCopy: false, claim: undefined, problems: [] });
  });
});

describe('a device with an identity', () => {
  const plan = (config: object, found = identity): ReturnType<typeof planDevice> =>
    planDevice({ config, identity: found, hardwareId });

  it('uses it, with or without the token that it came with', () => {
    for (const config of [{}, { hub, token }, { hub }, { token: `${token}\n` }])
      assert.deepEqual(plan(config), { identity, isCopy: false, claim: undefined, problems: [] });
  });

  it('follows a hub that has moved', () => {
    assert.deepEqual(plan({ hub: 'mqtts://new:1' }).identity, { ...identity, hubUrl: 'mqtts://new:1' });
  });

  it('goes on with it while it asks for another with another token', () => {
    const { identity: kept, claim } = plan({ token: other, name: 'attic' });
    assert.deepEqual(kept, identity);
    assert.deepEqual(claim, { hubUrl: hub, token: other, nodeName: 'attic' });
  });

  it('takes one of before it had a configuration for its own', () => {
    const { hardwareId: _, tokenHash: __, ...old } = identity;
    assert.deepEqual(plan({ hub, token }, old).identity, identity);
    assert.equal(plan({ hub, token }, old).claim, undefined);
  });

  it('says that a name does not change by itself', () => {
    assert.match(plan({ name: 'attic' }).problems.join(), /^name: this device is node kitchen/);
    assert.deepEqual(plan({ name: 'kitchen' }).problems, []);
    const nodeName = distinctNodeName('attic', hardwareId);
    assert.deepEqual(plan({ name: 'attic' }, { ...identity, nodeName }).problems, []);
  });

  it('never uses one of other hardware', () => {
    const copied = { ...identity, hardwareId: 'serial-2' };
    assert.deepEqual(plan({}, copied), { identity: undefined, isCopy: true, claim: undefined, problems: [] });
    assert.equal(plan({ hub, token }, copied).claim?.token, token);
  });
});

it('takes what was given on the network where the file says nothing', () => {
  const claim = { hub, token, name: 'attic', labels: { room: 'attic', floor: '3' } };
  assert.deepEqual(withClaim({}, claim), claim);
  assert.deepEqual(withClaim({ hub: 'mqtts://file:1', name: 'file', labels: { floor: '2' } }, claim), {
    ...claim,
    name: 'file',
    labels: { room: 'attic', floor: '2' },
  });
  const own = { hub: 'mqtts://file:1', token: other };
  assert.deepEqual(withClaim(own, claim), own);
  assert.deepEqual(withClaim({ name: 'a' }, undefined), { name: 'a' });
});

it('sets no label that a node may not set', () => {
  const { labels, problems } = settableLabels({ labels: { room: 'a', 'node-role.kubernetes.io/x': '' } });
  assert.deepEqual(labels, { room: 'a' });
  assert.match(problems.join(), /^labels\.node-role\.kubernetes\.io\/x: a node may not set/);
  assert.deepEqual(settableLabels({}), { labels: {}, problems: [] });
});
