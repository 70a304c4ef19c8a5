// Addresses and node ports of Services: no two have the same, and what nobody has is free at once.
// https://kubernetes.io/docs/concepts/services-networking/cluster-ip-allocation/
import assert from 'node:assert/strict';
import { afterEach, beforeEach, it } from 'node:test';
import type { Service } from '../../api/meta/kubernetes.ts';
import { InProcessApi, isRefused } from '../../test/support/in-process-api.ts';
import { resources } from '../client/resources.ts';

const address = '10.96.1.2';
const nodePort = 30_080;

let stop: AbortController;
let api: InProcessApi;

beforeEach(async () => {
  stop = new AbortController();
  api = await InProcessApi.start(stop.signal);
});
afterEach(() => stop.abort());

type Wish = { clusterIP?: string; nodePort?: number };

function serviceOf(name: string, wish: Wish = { clusterIP: address, nodePort }): object {
  const { clusterIP, ...port } = wish;
  return { metadata: { name }, spec: { type: 'NodePort', clusterIP, ports: [{ port: 80, ...port }] } };
}

function create(name: string, wish?: Wish, query?: Record<string, string>): Promise<Service> {
  return api.create<Service>(resources.services, serviceOf(name, wish), query);
}

const remove = (name: string): Promise<unknown> => api.request(resources.services, { verb: 'delete', name });
const given = ({ spec }: Service): unknown[] => [spec?.clusterIP, spec?.ports?.[0]?.nodePort];

const addressTaken = (name: string): string =>
  `Service "${name}" is invalid: spec.clusterIPs: Invalid value: ["${address}"]: failed to allocate IP: provided IP is already allocated`;
const portTaken = (name: string): string =>
  `Service "${name}" is invalid: spec.ports[0].nodePort: Invalid value: ${nodePort}: provided port is already allocated`;

it('are free when the Service is gone', async () => {
  for (const name of ['a', 'b', 'c']) {
    assert.deepEqual(given(await create(name)), [address, nodePort]);
    await remove(name);
  }
});

it('are taken while a Service has them', async () => {
  await create('a');
  await isRefused(create('b', { clusterIP: address }), 'Invalid', addressTaken('b'));
  await isRefused(create('b', { nodePort }), 'Invalid', portTaken('b'));
});

it('are never taken by a dry run, nor by a create that fails', async () => {
  await create('taken', {});
  for (const attempt of [
    create('a', undefined, { dryRun: 'All' }),
    create('b', undefined, { dryRun: 'All' }),
    isRefused(create('taken'), 'AlreadyExists', 'services "taken" already exists'),
    isRefused(create('c', { clusterIP: address, nodePort: 1 }), 'Invalid', /not in the valid range/),
  ])
    await attempt;
  assert.deepEqual(given(await create('d')), [address, nodePort]);
});

it('are free when an update gives them back, and never taken by one that fails', async () => {
  await create('a');
  await create('b', {});
  const asNodePort = (change: object): object => ({ spec: { ports: [{ port: 80, ...change }] } });
  await isRefused(api.patch(resources.services, 'b', 'strategic', asNodePort({ nodePort })), 'Invalid', portTaken('b'));
  await api.patch(resources.services, 'b', 'strategic', asNodePort({ nodePort: 30_081 }), { dryRun: 'All' });
  await api.patch(resources.services, 'a', 'strategic', asNodePort({ nodePort: 30_081 }));
  await api.patch(resources.services, 'b', 'strategic', asNodePort({ nodePort }));
  await api.patch(resources.services, 'a', 'merge', { spec: { type: 'ClusterIP' } });
  assert.equal(given(await create('c', { nodePort: 30_081 }))[1], 30_081);
});

it('are never the same, however many are made at once', async () => {
  const names = Array.from({ length: 50 }, (_, index) => `s${index}`);
  const services = await Promise.all(names.map((name) => create(name, {})));
  assert.equal(new Set(services.map((service) => given(service)[0])).size, names.length);
  assert.equal(new Set(services.map((service) => given(service)[1])).size, names.length);
  const outcomes = await Promise.allSettled(['x', 'y', 'z'].map((name) => create(name)));
  assert.deepEqual(outcomes.map(({ status }) => status).sort(), ['fulfilled', 'rejected', 'rejected']);
});
