// Watches of ConfigMaps: selectors, resumption, order.
import assert from 'node:assert/strict';
import { conformance } from './support/conformance.ts';

conformance(
  '[sig-api-machinery] Watchers should be able to start watching from a specific resource version [Conformance]',
  async (cluster) => {
    const maps = cluster.path('configmaps');
    await cluster.create(maps, { metadata: { name: 'past', labels: { watch: 'past' } } });
    const first = await cluster.patch(`${maps}/past`, { data: { mutation: '1' } });
    const second = await cluster.patch(`${maps}/past`, { data: { mutation: '2' } });
    await cluster.delete(`${maps}/past`);
    const watch = await cluster.watch(
      `${maps}?labelSelector=watch%3Dpast&resourceVersion=${first.metadata.resourceVersion}`,
    );
    assert.deepEqual(await watch.next('MODIFIED'), second);
    await watch.next('DELETED');
  },
);
