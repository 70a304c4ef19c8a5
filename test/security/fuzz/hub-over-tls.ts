// A hub in a process of its own, with its disk, its controllers and its
// sockets, attacked over TLS: what the hub in this process can't show. What it
// stored is read from its directory when it has stopped.
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { connect, createSecureContext, type SecureContext } from 'node:tls';
import { CertificateAuthority } from '../../../hub/pki/authority.ts';
import { NedbStore } from '../../../hub/store/nedb/nedb-store.ts';
import { createSystemDisk } from '../../../platform/disk.ts';
import { createMemoryLog } from '../../../platform/log.ts';
import { createSystemRandom } from '../../../platform/random.ts';
import { startHub, type TestHub } from '../../support/hub.ts';
import type { Identity } from './input.ts';
import { entryProblem } from './stored-keys.ts';
import type { Target } from './target.ts';

const subjects: Record<Exclude<Identity, 'nobody'>, { commonName: string; organizations: string[] }> = {
  admin: { commonName: 'fuzz-admin', organizations: ['system:masters'] },
  node: { commonName: 'system:node:base', organizations: ['system:nodes'] },
  user: { commonName: 'fuzz', organizations: [] },
};
const patienceMs = 15;
/** Of /proc/PID/stat, which Linux counts in hundredths of a second everywhere; pages are of 4 KiB where tests run. */
const tickMs = 10;
const pageBytes = 4096;

export type OverTlsOptions = {
  prepare: (target: Target) => Promise<void>;
  isNamespaced: (group: string, plural: string) => boolean | undefined;
};

export class HubOverTls implements Target {
  #options: OverTlsOptions;
  #hub: TestHub;
  #contexts: Record<Identity, SecureContext>;
  #told = 0;

  private constructor(options: OverTlsOptions, hub: TestHub, contexts: Record<Identity, SecureContext>) {
    this.#options = options;
    this.#hub = hub;
    this.#contexts = contexts;
  }

  static async start(options: OverTlsOptions): Promise<HubOverTls> {
    const directory = await mkdtemp(join(tmpdir(), 'skerry-fuzz-'));
    const hub = await startHub({ dataDirectory: directory });
    const authority = await CertificateAuthority.open(createSystemDisk(), createSystemRandom(), join(directory, 'pki'));
    const ca = authority.certificate;
    const context = async (identity: keyof typeof subjects): Promise<SecureContext> => {
      const { certificate: cert, key } = await authority.issueClient(subjects[identity]);
      return createSecureContext({ ca, cert, key });
    };
    const contexts = {
      admin: await context('admin'),
      node: await context('node'),
      user: await context('user'),
      nobody: createSecureContext({ ca }),
    };
    const target = new HubOverTls(options, hub, contexts);
    await options.prepare(target);
    return target;
  }

  connect(identity: Identity): Promise<Duplex> {
    const { hostname, port } = new URL(this.#hub.httpsUrl);
    return new Promise((resolve, reject) => {
      const socket = connect({ host: hostname, port: Number(port), secureContext: this.#contexts[identity] });
      socket.once('error', reject);
      socket.once('secureConnect', () => {
        socket.off('error', reject);
        resolve(socket);
      });
    });
  }

  begin(): void {}

  faults(): string[] {
    const errors = this.#hub.errors();
    const fresh = errors.slice(this.#told);
    this.#told = errors.length;
    return fresh.map((line) => `logged: ${line}`);
  }

  /** Nothing: that a hub bears what it was given for long is the point of this layer. */
  async reset(): Promise<string[]> {
    return [];
  }

  patience(): Promise<void> {
    return delay(patienceMs);
  }

  cpuMs(): number {
    const fields = (readFileSync(`/proc/${this.#hub.pid}/stat`, 'utf8').split(') ').at(-1) ?? '').split(' ');
    return (Number(fields[11]) + Number(fields[12])) * tickMs;
  }

  memoryBytes(): number {
    return Number(readFileSync(`/proc/${this.#hub.pid}/statm`, 'utf8').split(' ')[1]) * pageBytes;
  }

  /** Stops the hub and looks at what it left. */
  async storedProblems(): Promise<string[]> {
    await this.#hub.stop();
    const directory = join(this.#hub.dataDirectory, 'store');
    const store = new NedbStore({ directory }, { disk: createSystemDisk(), log: createMemoryLog([]) });
    await store.start();
    const { entries } = await store.snapshot();
    await store.close();
    return entries
      .map((entry) => entryProblem(entry, this.#options.isNamespaced))
      .filter((problem) => problem !== undefined);
  }

  async close(): Promise<void> {
    await this.#hub.stop();
    await rm(this.#hub.dataDirectory, { recursive: true, force: true, maxRetries: 3 });
  }
}
