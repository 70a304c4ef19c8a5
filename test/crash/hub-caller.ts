// A client of a hub that may be killed at any moment: one kept-alive HTTPS
// connection, calls whose outcome may stay unknown, and watches that end with
// the last whole event.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { parse } from 'yaml';

export type Credentials = { ca: string; cert: string; key: string };
export type ConfigMap = { metadata: { name: string; resourceVersion: string }; data?: Record<string, string> };
export type Event = { type: 'ADDED' | 'MODIFIED' | 'DELETED'; name: string; value: string; revision: number };
export type CallerAnswer = { code: number; text: string; object: ConfigMap };

const answerTimeoutMs = 20_000;

/** The client certificate of a kubeconfig. */
export function readCredentials(kubeconfig: string): Credentials {
  const { clusters, users } = parse(readFileSync(kubeconfig, 'utf8')) as {
    clusters: { cluster: Record<string, string> }[];
    users: { user: Record<string, string> }[];
  };
  const decode = (text = ''): string => Buffer.from(text, 'base64').toString();
  const user = users[0]?.user;
  return {
    ca: decode(clusters[0]?.cluster['certificate-authority-data']),
    cert: decode(user?.['client-certificate-data']),
    key: decode(user?.['client-key-data']),
  };
}

export class HubCaller {
  #agent: Agent;

  constructor(credentials: Credentials) {
    this.#agent = new Agent({ ...credentials, keepAlive: true });
  }

  close(): void {
    this.#agent.destroy();
  }

  /** Resolves with a whole answer, or with undefined when the connection broke before: it may have happened or not. */
  call(url: string, method: string, path: string, body?: object): Promise<CallerAnswer | undefined> {
    return new Promise((resolve, reject) => {
      const text = body === undefined ? '' : JSON.stringify(body);
      const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) };
      const options = { agent: this.#agent, method, headers, timeout: answerTimeoutMs };
      const call = request(`${url}${path}`, options, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', () => resolve(undefined));
        response.on('close', () => {
          if (!response.complete) return resolve(undefined);
          const answer = Buffer.concat(chunks).toString();
          resolve({ code: response.statusCode ?? 0, text: answer, object: JSON.parse(answer) as ConfigMap });
        });
      });
      call.on('timeout', () => {
        reject(new Error(`${method} ${path}: no answer`));
        call.destroy();
      });
      call.on('error', () => resolve(undefined));
      call.end(text);
    });
  }

  /** Calls back with each event, until the callback returns true or the connection ends. */
  watch(url: string, path: string, onEvent: (event: Event) => unknown): Promise<void> {
    return new Promise((resolve, reject) => {
      const call = request(`${url}${path}`, { agent: this.#agent }, (response) => {
        if (response.statusCode !== 200) reject(new Error(`watch ${path} was answered with ${response.statusCode}`));
        let rest = '';
        response.setEncoding('utf8').on('data', (chunk: string) => {
          const lines = (rest + chunk).split('\n');
          // What no newline ends was cut off.
          rest = lines.pop() ?? '';
          for (const line of lines) {
            if (onEvent(toEvent(line)) !== true) continue;
            call.destroy();
            return;
          }
        });
        response.on('error', () => undefined);
        response.on('close', () => resolve());
      });
      call.on('error', () => resolve());
      call.end();
    });
  }
}

function toEvent(line: string): Event {
  const { type, object } = JSON.parse(line) as { type: Event['type']; object: ConfigMap };
  assert.ok(['ADDED', 'MODIFIED', 'DELETED'].includes(type), line);
  const { name, resourceVersion } = object.metadata;
  return { type, name, value: object.data?.value ?? '', revision: Number(resourceVersion) };
}

/** Compares two sequences of events and shows the first difference only. */
export function sameEvents(actual: readonly Event[], expected: readonly Event[], message: string): void {
  const length = Math.max(actual.length, expected.length);
  for (let index = 0; index < length; index += 1) {
    assert.deepEqual(actual[index], expected[index], `${message}: event ${index} of ${expected.length}`);
  }
}
