// What is served under a node's proxy path of the device's own figures, by
// agents that know them, agents that do not, and nodes that are away.
import assert from 'node:assert/strict';
import { after, it } from 'node:test';
import { hubUser, type Reply } from '../../api/meta/operation.ts';
import { ApiError } from '../../api/meta/status.ts';
import { channels, type StreamTarget } from '../../api/wire/frames.ts';
import { InProcessApi } from '../../test/support/in-process-api.ts';
import { resources } from '../client/resources.ts';
import { maxNodeAnswerBytes } from './limits.ts';
import type { NodeConnector, NodeStream } from './node-connector.ts';

const answers: Record<string, object> = {
  fresh: { metrics: 'skerry_device_uptime_seconds 7\n' },
  flood: { metrics: 'x'.repeat(maxNodeAnswerBytes) },
  old: { windowMs: 1000, node: { cpuNanoCores: 1, memoryBytes: 1 }, containers: [] },
};
const asked: StreamTarget[] = [];

function answering(answer: object): NodeStream {
  return {
    write: () => Promise.resolve(false),
    closeChannel: () => undefined,
    exitCode: undefined,
    cancel: () => undefined,
    async *output() {
      const bytes = Buffer.from(JSON.stringify(answer));
      yield { channel: channels.output, bytes: bytes.subarray(0, 9) };
      yield { channel: channels.output, bytes: bytes.subarray(9) };
    },
  };
}

const nodes: NodeConnector = {
  open: async (nodeName, target) => {
    asked.push(target);
    const answer = answers[nodeName];
    if (answer === undefined) throw new ApiError('ServiceUnavailable', `node ${nodeName} is not connected`);
    return answering(answer);
  },
  logs: () => Promise.reject(new Error('nobody asks for logs')),
};

const stop = new AbortController();
const api = await InProcessApi.start(stop.signal, nodes);
for (const name of ['fresh', 'flood', 'old', 'away']) await api.client.create(resources.nodes, { metadata: { name } });
after(() => stop.abort());

function metricsOf(name: string): Promise<Reply> {
  const operation = {
    verb: 'get',
    resource: resources.nodes,
    name,
    subresource: 'proxy',
    proxyPath: '/metrics',
  } as const;
  return api.server.execute({ ...operation, user: hubUser, query: {} });
}

it("passes a device's figures on as Prometheus reads them", async () => {
  const { code, body, contentType } = await metricsOf('fresh');
  assert.deepEqual([code, body], [200, 'skerry_device_uptime_seconds 7\n']);
  assert.match(contentType ?? '', /^text\/plain; version=0\.0\.4/);
  assert.deepEqual(asked.at(-1), { kind: 'stats', device: true });
});

it('takes no more of a node than its limit', async () => {
  await assert.rejects(metricsOf('flood'), /node flood tells more than 4194304 bytes of itself/);
});

it('says that an agent is too old, that a node is away, that there is none', async () => {
  await assert.rejects(metricsOf('old'), /the agent of node old is too old to tell this: update it/);
  await assert.rejects(metricsOf('away'), /node away is not connected/);
  await assert.rejects(metricsOf('none'), /nodes "none" not found/);
});
