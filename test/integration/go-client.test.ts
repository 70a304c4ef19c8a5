// Go's client-go against a real hub, with protobuf both ways: what an informer
// says over cut connections, a killed hub and a compacted history; what typed
// clients write; leader election. The program is in go-program/, built once.
import assert from 'node:assert/strict';
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { after, before, describe, it } from 'node:test';
import { buildGoProgram } from '../../scripts/go-program.ts';
import { Arrivals } from '../support/arrivals.ts';
import { endWithTest } from '../support/children.ts';
import { RestartableHub } from '../support/restartable-hub.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';

const protobuf = 'application/vnd.kubernetes.protobuf';
const buildTimeoutMs = 1_200_000;
const arrivalTimeoutMs = 40_000;

type Line = {
  event: string;
  kind?: string;
  name?: string;
  uid?: string;
  resourceVersion?: string;
  was?: string;
  data?: Record<string, string>;
  types?: Record<string, string[]>;
  error?: string;
};
type Listed = { items: { kind: string; metadata: { name: string; uid: string; resourceVersion: string } }[] };

class GoProgram {
  readonly lines = new Arrivals<Line>('go-client');
  readonly ended: Promise<number>;
  #child: ChildProcessByStdio<null, Readable, null>;

  constructor(program: string, args: readonly string[]) {
    this.#child = spawn(program, args, { stdio: ['ignore', 'pipe', 'ignore'] });
    endWithTest(this.#child);
    createInterface({ input: this.#child.stdout }).on('line', (line) => this.lines.push(JSON.parse(line) as Line));
    this.ended = new Promise((resolve) =>
      this.#child.once('close', (code) => {
        this.lines.end();
        resolve(code ?? -1);
      }),
    );
  }

  line(fits: (line: Line) => boolean, what: string): Promise<Line> {
    return this.lines.first(fits, what, arrivalTimeoutMs);
  }

  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<number> {
    this.#child.kill(signal);
    return this.ended;
  }
}

describe('client-go', { timeout: buildTimeoutMs + 180_000 }, () => {
  let program: string;
  let hub: RestartableHub;
  before(async () => {
    program = await buildGoProgram(join(import.meta.dirname, 'go-client'));
    hub = await RestartableHub.start();
  });
  after(() => hub?.stop());

  describe('an informer', () => {
    const namespace = 'informed';
    let proxy: TcpProxy;
    let informer: GoProgram;
    const ns = ['-n', namespace];
    const kubectl = (...args: string[]): Promise<string> => hub.hub.kubectl.ok([...args, ...ns]);

    before(async () => {
      await hub.hub.kubectl.ok(['create', 'namespace', namespace]);
      proxy = await TcpProxy.start({ port: hub.httpsPort });
    });
    after(async () => {
      await informer?.end();
      await proxy?.stop();
    });

    const named =
      (event: string, name: string, n?: string) =>
      (line: Line): boolean =>
        line.event === event && line.name === name && (n === undefined || line.data?.n === n);

    /** What the events leave, and what is wrong with them: an object twice added, a change backwards. */
    function fold(lines: readonly Line[]): Map<string, string> {
      const held = new Map<string, string>();
      for (const { event, kind, name, uid, resourceVersion } of lines) {
        const key = `${kind} ${name}`;
        const known = held.get(key);
        if (event === 'there' || event === 'add') assert.equal(known, undefined, `${key} was added twice`);
        else if (event === 'update' || event === 'delete' || event === 'missed-delete')
          assert.notEqual(known, undefined, `${event} of ${key}, which was never added`);
        else continue;
        if (event === 'update') {
          const version = Number(known?.split(' ')[1]);
          assert.ok(Number(resourceVersion) >= version, `${key} went back from ${version} to ${resourceVersion}`);
        }
        if (event.endsWith('delete')) held.delete(key);
        else held.set(key, `${uid} ${resourceVersion}`);
      }
      return held;
    }
    /** Waits until the events leave what the API has. */
    async function assertHolds(): Promise<void> {
      const { items } = await hub.hub.kubectl.json<Listed>(['get', 'pods,configmaps,deployments', ...ns]);
      const expected = items.map(({ kind, metadata }) => [
        `${kind} ${metadata.name}`,
        `${metadata.uid} ${metadata.resourceVersion}`,
      ]);
      const holds = (): boolean => {
        const held = fold(informer.lines.all);
        return held.size === expected.length && expected.every(([key = '', value]) => held.get(key) === value);
      };
      await informer.line(holds, `what the API has: ${JSON.stringify(expected)}`);
    }

    it('says what is there, and each change', async () => {
      for (const name of ['kept', 'changed', 'gone']) await kubectl('create', 'configmap', name, '--from-literal=n=1');
      informer = new GoProgram(program, [await hub.hub.kubeconfigVia(proxy.port), namespace, 'inform']);
      await informer.line(({ event }) => event === 'synced', 'the first list');
      const there = informer.lines.all.filter(({ event, kind }) => event === 'there' && kind === 'ConfigMap');
      const names = there.map(({ name }) => name).filter((name) => name !== 'kube-root-ca.crt');
      assert.deepEqual(names.sort(), ['changed', 'gone', 'kept']);
      const pods = await hub.hub.runPods(namespace);
      await hub.hub.addNode('pretended');
      await kubectl('create', 'deployment', 'web', '--image=demo:1', '--replicas=3');
      await kubectl('rollout', 'status', 'deployment/web', '--timeout=30s');
      await kubectl('patch', 'configmap', 'changed', '-p', '{"data":{"n":"2"}}');
      await kubectl('scale', 'deployment/web', '--replicas=1');
      await kubectl('wait', 'deployment/web', '--for=jsonpath={.status.replicas}=1', '--timeout=30s');
      await informer.line(named('update', 'changed', '2'), 'the change');
      await assertHolds();
      pods.close();
    });

    it('misses nothing when its connection is cut', async () => {
      proxy.cut();
      const before_ = informer.lines.all.length;
      await kubectl('patch', 'configmap', 'changed', '-p', '{"data":{"n":"3"}}');
      await kubectl('patch', 'configmap', 'changed', '-p', '{"data":{"n":"4"}}');
      await kubectl('delete', 'configmap', 'gone');
      await kubectl('create', 'configmap', 'new', '--from-literal=n=1');
      proxy.heal();
      await informer.line(named('add', 'new'), 'the newest object');
      const events = informer.lines.all.slice(before_).filter(({ kind, name }) => kind === 'ConfigMap' && name);
      assert.deepEqual(
        events.map(({ event, name, data }) => `${event} ${name} ${data?.n}`),
        ['update changed 3', 'update changed 4', 'delete gone 1', 'add new 1'],
      );
      await assertHolds();
    });

    it('goes on after the hub was killed and started again', async () => {
      const before_ = informer.lines.all.length;
      await hub.restart();
      await kubectl('patch', 'configmap', 'changed', '-p', '{"data":{"n":"5"}}');
      await informer.line(named('update', 'changed', '5'), 'the change');
      await assertHolds();
      const again = informer.lines.all.slice(before_).filter(({ event }) => event === 'there' || event === 'add');
      assert.deepEqual(again, []);
    });

    it('lists anew when its place in history is compacted away', async () => {
      proxy.cut();
      await kubectl('delete', 'configmap', 'new');
      await kubectl('patch', 'configmap', 'changed', '-p', '{"data":{"n":"6"}}');
      await kubectl('patch', 'configmap', 'changed', '-p', '{"data":{"n":"7"}}');
      await hub.restartCompacted();
      proxy.heal();
      await informer.line(named('missed-delete', 'new'), 'the deletion that nobody saw');
      await informer.line(named('update', 'changed', '7'), 'the newest state');
      assert.equal(informer.lines.all.filter(named('update', 'changed', '6')).length, 0);
      await assertHolds();
    });

    it('was told of changes in protobuf', async () => {
      assert.equal(await informer.end(), 0);
      const { types } = informer.lines.all.find(({ event }) => event === 'types') ?? {};
      const lists = types?.GET ?? [];
      assert.ok(lists.includes(`${protobuf};stream=watch`), lists.join(', '));
      assert.deepEqual(
        lists.filter((type) => !type.startsWith(protobuf)),
        [],
      );
    });
  });

  let written: Record<string, string[]> = {};
  it('writes by typed clients, in protobuf', async () => {
    const { kubectl, kubeconfig } = hub.hub;
    await kubectl.ok(['create', 'namespace', 'written']);
    const writer = new GoProgram(program, [kubeconfig, 'written', 'write']);
    const code = await writer.ended;
    const lines = writer.lines.all.map(({ event, kind, name, error }) => [event, kind, name, error].join(' ').trim());
    assert.equal(code, 0, lines.join('\n'));
    assert.deepEqual(lines, [
      'created ConfigMap typed',
      'updated ConfigMap typed',
      'patched ConfigMap typed',
      'created Deployment typed',
      'updated Deployment typed',
      'applied ConfigMap typed',
      'deleted ConfigMap typed',
      'types',
    ]);
    const [, updated, patched, , , applied] = writer.lines.all;
    assert.deepEqual(updated?.data, { n: '2' });
    assert.deepEqual(patched?.data, { n: '2', json: 'y', merge: 'y', strategic: 'y' });
    assert.deepEqual(applied?.data, { ...patched?.data, applied: 'y' });
    // Bodies that were sent, and answers.
    const types = writer.lines.all.at(-1)?.types ?? {};
    written = types;
    assert.deepEqual(types['POST sent'], [protobuf]);
    assert.deepEqual(types['PUT sent'], [protobuf]);
    assert.deepEqual(types['DELETE sent'], [protobuf]);
    for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'])
      assert.deepEqual(types[method], [protobuf], `answers to ${method}`);
  });

  it('hears of errors in protobuf', () => {
    for (const method of ['GET', 'POST', 'PUT', 'DELETE'])
      assert.deepEqual(written[`${method} refused`], [protobuf], `refusals of ${method}`);
  });

  it('elects one leader after the other', async () => {
    const { kubectl, kubeconfig } = hub.hub;
    await kubectl.ok(['create', 'namespace', 'led']);
    const holder = (): Promise<string> =>
      kubectl.ok(['get', 'lease', 'lock', '-n', 'led', '-o', 'jsonpath={.spec.holderIdentity}']);
    const run = (identity: string): GoProgram => new GoProgram(program, [kubeconfig, 'led', 'lead', 'lock', identity]);
    const leads = (one: GoProgram): Promise<Line> => one.line(({ event }) => event === 'leading', 'to lead');
    const first = run('first');
    await leads(first);
    assert.equal(await holder(), 'first');
    const second = run('second');
    await second.line(({ event, name }) => event === 'leader' && name === 'first', 'word of the leader');
    assert.ok(!second.lines.all.some(({ event }) => event === 'leading'));
    // In order it lets the Lease go; the next need not wait for its end.
    assert.equal(await first.end(), 0);
    await leads(second);
    assert.equal(await holder(), 'second');
    const third = run('third');
    await third.line(({ event, name }) => event === 'leader' && name === 'second', 'word of the leader');
    await second.end('SIGKILL');
    await leads(third);
    assert.equal(await holder(), 'third');
    assert.equal(await third.end(), 0);
    const lease = await kubectl.json<{ spec: { leaseTransitions: number; leaseDurationSeconds: number } }>([
      'get',
      'lease',
      'lock',
      '-n',
      'led',
    ]);
    assert.ok(lease.spec.leaseTransitions >= 2, `transitions: ${lease.spec.leaseTransitions}`);
  });
});
