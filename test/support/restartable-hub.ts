// A hub on a data directory and ports that outlive it: killed, started again,
// and compacted while nobody looks, as hours of running do.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NedbStore } from '../../hub/store/nedb/nedb-store.ts';
import { createSystemDisk } from '../../platform/disk.ts';
import { createMemoryLog } from '../../platform/log.ts';
import { startHub, type TestHub } from './hub.ts';

export class RestartableHub {
  /** The newest process. */
  hub: TestHub;
  readonly #dataDirectory: string;

  private constructor(hub: TestHub, dataDirectory: string) {
    this.hub = hub;
    this.#dataDirectory = dataDirectory;
  }

  static async start(): Promise<RestartableHub> {
    const dataDirectory = await mkdtemp(join(tmpdir(), 'skerry-restartable-'));
    return new RestartableHub(await startHub({ dataDirectory }), dataDirectory);
  }

  get httpsPort(): number {
    return Number(new URL(this.hub.httpsUrl).port);
  }

  /** As a power cut for the process. */
  async kill(): Promise<void> {
    await this.hub.kill9();
  }

  /** Starts the hub again on its data and ports. */
  async startAgain(): Promise<void> {
    const [httpsPort, mqttPort] = [this.hub.httpsUrl, this.hub.mqttUrl].map((url) => Number(url.split(':').at(-1)));
    this.hub = await startHub({
      dataDirectory: this.#dataDirectory,
      httpsPort: httpsPort ?? 0,
      mqttPort: mqttPort ?? 0,
    });
  }

  async restart(): Promise<void> {
    await this.kill();
    await this.startAgain();
  }

  /** Restarts the hub; what was before has left its history. */
  async restartCompacted(): Promise<void> {
    await this.kill();
    const directory = join(this.#dataDirectory, 'store');
    const store = new NedbStore({ directory }, { disk: createSystemDisk(), log: createMemoryLog([]) });
    await store.start();
    await store.compact(store.revision());
    await store.close();
    await this.startAgain();
  }

  /** Ends the hub and removes its data. */
  async stop(): Promise<void> {
    await this.hub.stop();
    await rm(this.#dataDirectory, { recursive: true, force: true, maxRetries: 3 });
  }
}
