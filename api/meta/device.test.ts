// Which labels a node may set on itself, after NodeRestriction.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { isHardwareId, nodeMaySetLabel } from './device.ts';

it('lets a node set labels that describe it, and those that are nobody else’s', () => {
  for (const key of [
    'room',
    'example.org/room',
    'kubernetes.io/arch',
    'topology.kubernetes.io/zone',
    'node.kubernetes.io/x',
  ])
    assert.equal(nodeMaySetLabel(key), true, key);
});

it('does not let a node choose what others trust', () => {
  const keys = [
    'node-restriction.kubernetes.io/safe',
    'node-role.kubernetes.io/control-plane',
    'kubernetes.io/x',
    'a.k8s.io/x',
  ];
  for (const key of [...keys, 'x.node-restriction.kubernetes.io/a']) assert.equal(nodeMaySetLabel(key), false, key);
});

it('knows a hardware id', () => {
  assert.ok(isHardwareId('uuid-4c4c4544-0051-3010-8052-b4c04f564433'));
  for (const text of ['', 'a b', 'a/b', 'a'.repeat(129)]) assert.equal(isHardwareId(text), false, text);
});
