// What is attacked, as the driver sees it: a hub in this process without
// sockets, or a hub process behind TLS.
import type { Duplex } from 'node:stream';
import type { Identity, Input } from './input.ts';

export type Target = {
  connect(identity: Identity): Promise<Duplex>;
  /** Called before an input is sent. */
  begin(input: Input): void;
  /** What went wrong inside since `begin`, beside the answer, a text a fault. `code` is the answer's, 0 when there was none. */
  faults(code: number): string[];
  /** Checks what is stored, then brings everything back to how it was at the start. Resolves with what is wrong. */
  reset(): Promise<string[]>;
  /** Resolves when an answer that has begun has had its time to end. */
  patience(): Promise<void>;
  /** CPU that the hub has used so far, ms. */
  cpuMs(): number;
  /** Memory that the hub holds, bytes. */
  memoryBytes(): number;
  close(): Promise<void>;
};
