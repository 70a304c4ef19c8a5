// Labels that an agent reports beside those that people set.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { reportedLabelsAnnotation } from '../../api/meta/device.ts';
import { labelChange } from './reports.ts';

const node = (reported: string | undefined): Parameters<typeof labelChange>[0] => ({
  name: 'a',
  labels: { room: 'by hand' },
  ...(reported === undefined ? {} : { annotations: { [reportedLabelsAnnotation]: reported } }),
});

it('sets what is new, takes away what is gone, and leaves the rest to people', () => {
  const change = labelChange(node('{"room":"kitchen","floor":"2","old":"x"}'), {
    room: 'kitchen',
    floor: '3',
    new: 'y',
  });
  assert.deepEqual(change?.labels, { floor: '3', new: 'y', old: null });
  assert.equal(change?.annotations[reportedLabelsAnnotation], '{"room":"kitchen","floor":"3","new":"y"}');
  assert.equal(labelChange(node('{"room":"kitchen"}'), { room: 'kitchen' }), undefined);
});

it('begins with all of them, also when the annotation was edited', () => {
  for (const reported of [undefined, '', '[', '[1]', 'null', '"x"'])
    assert.deepEqual(labelChange(node(reported), { room: 'kitchen' })?.labels, { room: 'kitchen' }, reported);
});

it('takes away no label that a node may not set, whatever the annotation says', () => {
  const reported = '{"node-restriction.kubernetes.io/a":"x"}';
  assert.equal(labelChange(node(reported), {}), undefined);
});
