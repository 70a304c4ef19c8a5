// What the API holds of joining devices: counted tokens under devices that come
// at once, and labels that a node may not give itself.
import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { nodeUser } from '../../api/meta/operation.ts';
import { readTokenUses } from '../../api/meta/token-uses.ts';
import { resources } from '../../hub/client/resources.ts';
import { checkJoinToken, countUse } from '../../hub/sync/tokens.ts';
import { InProcessApi, isRefused } from '../support/in-process-api.ts';

const stop = new AbortController();
let api: InProcessApi;
before(async () => {
  api = await InProcessApi.start(stop.signal);
  await api.client.create(resources.namespaces, { metadata: { name: 'kube-system' } });
});
after(() => stop.abort());

const secret = '0123456789abcdef';

async function makeToken(id: string, fields: Record<string, string>): Promise<void> {
  const stringData = { 'token-id': id, 'token-secret': secret, ...fields };
  const metadata = { name: `bootstrap-token-${id}`, namespace: 'kube-system' };
  await api.client.create(resources.secrets, { metadata, type: 'bootstrap.kubernetes.io/token', stringData });
}

it('lets exactly as many devices join as a token is good for, when all come at once and ask twice', async () => {
  await makeToken('counts', { uses: '20' });
  const ask = (index: number): Promise<string | undefined> =>
    countUse(api.client, 'counts', { key: `key-${index}`, hardwareId: `serial-${index}` });
  const asked = Array.from({ length: 60 }, (_, index) => index % 30);
  const answers = await Promise.all(asked.map(async (index) => ({ index, problem: await ask(index) })));
  const joined = new Set(answers.filter(({ problem }) => problem === undefined).map(({ index }) => index));
  assert.equal(joined.size, 20);
  for (const { index, problem } of answers)
    if (!joined.has(index)) assert.match(problem ?? '', /used up: it was good for 20 devices/);
  const { data } = (await api.client.get(resources.secrets, {
    namespace: 'kube-system',
    name: 'bootstrap-token-counts',
  })) as { data?: Record<string, string> };
  const uses = readTokenUses(Buffer.from(data?.['used-by'] ?? '', 'base64').toString());
  assert.deepEqual(new Set(uses?.map(({ key }) => key)), new Set([...joined].map((index) => `key-${index}`)));
});

it('counts nothing of a token without a number, and lets nobody join with one that is gone', async () => {
  await makeToken('plain1', {});
  assert.equal(await countUse(api.client, 'plain1', { key: 'a' }), undefined);
  assert.equal(await countUse(api.client, 'nobody', { key: 'a' }), 'the token has been revoked');
});

it('reads what a token allows', async () => {
  const groups = 'system:bootstrappers:skerry:manual-approval,system:masters';
  await makeToken('manual', { 'auth-extra-groups': groups, 'node-name': 'a' });
  assert.deepEqual(await checkJoinToken(api.client, api.clock, 'manual', secret), {
    tokenId: 'manual',
    nodeName: 'a',
    groups: ['system:bootstrappers:skerry:manual-approval'],
  });
  assert.equal(await checkJoinToken(api.client, api.clock, 'manual', 'wrong'), undefined);
});

it('keeps a node from labels by which others choose whom to trust', async () => {
  const user = nodeUser('b');
  const labels = {
    room: 'x',
    'node-restriction.kubernetes.io/pci': 'yes',
    'node-role.kubernetes.io/control-plane': '',
  };
  await isRefused(
    api.request(resources.nodes, { verb: 'create', user, body: { metadata: { name: 'b', labels } } }),
    'Forbidden',
    /node "b" is not allowed to set the following labels: node-restriction\.kubernetes\.io\/pci, node-role\.kubernetes\.io\/control-plane/,
  );
  const own = { room: 'x', 'kubernetes.io/arch': 'arm64' };
  await api.request(resources.nodes, { verb: 'create', user, body: { metadata: { name: 'b', labels: own } } });
});
