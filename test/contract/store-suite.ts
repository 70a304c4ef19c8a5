// What every implementation of hub/store/store.ts promises, as tests: run
// against each of them by store.test.ts. Revisions are taken relative to the
// store's first one, since etcd's empty store is already at revision 1.
import { describe, it } from 'node:test';
import type { Store } from '../../hub/store/store.ts';
import { testCompaction, testReopen } from './store/compaction.ts';
import { testModel } from './store/model.ts';
import { testLists } from './store/reads.ts';
import type { OpenedStore } from './store/support.ts';
import { testWatches } from './store/watches.ts';
import { testConcurrency, testWrites } from './store/writes.ts';

/** Runs the whole contract against the stores that `open` makes, a fresh and empty one each time. */
export function storeContract(name: string, open: () => Promise<OpenedStore>): void {
  const test = (title: string, body: (store: Store, opened: OpenedStore) => Promise<void>): void => {
    it(title, { timeout: 60_000 }, async () => {
      const opened = await open();
      try {
        await body(opened.store, opened);
      } finally {
        await opened.close();
      }
    });
  };
  describe(`${name}: writes`, () => testWrites(test));
  describe(`${name}: lists`, () => testLists(test));
  describe(`${name}: watches`, () => testWatches(test));
  describe(`${name}: compaction`, () => testCompaction(test));
  describe(`${name}: concurrent writers`, () => testConcurrency(test));
  describe(`${name}: close and reopen`, () => testReopen(test));
  it(`${name}: any sequence of operations gives what a plain model gives`, { timeout: 120_000 }, () => testModel(open));
}
