// Runs the store's contract against every implementation that needs nothing
// but this machine.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MemoryStore } from '../../hub/store/memory/memory-store.ts';
import { NedbStore } from '../../hub/store/nedb/nedb-store.ts';
import { createSystemDisk } from '../../platform/disk.ts';
import { createMemoryLog } from '../../platform/log.ts';
import type { OpenedStore } from './store/support.ts';
import { storeContract } from './store-suite.ts';

storeContract('memory store', async () => {
  const store = new MemoryStore();
  return { store, close: () => store.close() };
});

/** Opens NeDB stores whose segments hold this many bytes. */
function nedb(segmentBytes: number): () => Promise<OpenedStore> {
  return async () => {
    const directory = await mkdtemp(join(tmpdir(), 'skerry-store-'));
    let store: NedbStore;
    const start = async (): Promise<NedbStore> => {
      store = new NedbStore({ directory, segmentBytes }, { disk: createSystemDisk(), log: createMemoryLog([]) });
      await store.start();
      return store;
    };
    const reopen = async (): Promise<NedbStore> => {
      await store.close();
      return await start();
    };
    const close = async (): Promise<void> => {
      await store.close();
      await rm(directory, { recursive: true });
    };
    return { store: await start(), reopen, close };
  };
}

// So small that a handful of writes fills a segment: sealing and reclaiming happen all the time.
storeContract('nedb store, tiny segments', nedb(300));
storeContract('nedb store, one segment', nedb(1 << 20));
