// The proxy subresource of pods, services and nodes, as kubectl get --raw,
// kubectl proxy and plain HTTP clients use it: methods, bodies, redirects,
// links in pages, streams, WebSockets, and what can't be reached.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { get as httpGet, type IncomingMessage } from 'node:http';
import { get as httpsGet } from 'node:https';
import { after, before, describe, it } from 'node:test';
import WebSocket from 'ws';
import type { TestAgent } from '../support/agent.ts';
import { Arrivals } from '../support/arrivals.ts';
import { digest } from '../support/bulk.ts';
import { TestCluster } from '../support/cluster.ts';
import { executeIn } from '../support/engine.ts';
import type { Answer, RequestInput } from '../support/hub.ts';
import { webServer } from '../support/web-server.ts';

const namespace = '/api/v1/namespaces/default';
const pod = `${namespace}/pods/web:8080/proxy`;
const service = `${namespace}/services/web:http/proxy`;

const serviceOf = (name: string, app: string): object => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name },
  spec: { selector: { app }, ports: [{ name: 'http', port: 80, targetPort: 'web' }] },
});

/** A stream that hangs must not keep the other tests from running. */
const bound = { timeout: 60_000 };

describe('proxy', { timeout: 600_000 }, () => {
  let cluster: TestCluster;
  let agent: TestAgent;
  let box: string;
  before(async () => {
    cluster = await TestCluster.start();
    agent = await cluster.addAgent({ name: 'solo' });
    await cluster.kubectl.apply([
      ...webServer('web'),
      ...webServer('unbound', { nodeSelector: { nowhere: 'true' } }),
      serviceOf('web', 'web'),
      serviceOf('nobody', 'nobody'),
    ]);
    const { status } = await cluster.podReady('web');
    box = status.containerStatuses?.[0]?.containerID?.replace(/^\w+:\/\//, '') ?? '';
  });
  after(() => cluster?.stop());

  const raw = (path: string): Promise<string> => cluster.kubectl.ok(['get', '--raw', path]);
  const request = (method: string, path: string, input: RequestInput = {}): Promise<Answer> =>
    cluster.hub.request(method, path, input);
  /** The answer, whose body is for the caller to read. */
  const stream = (path: string): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => {
      const call = httpsGet(cluster.hub.httpsUrl + path, { ...cluster.hub.credentials(), agent: false }, resolve);
      call.once('error', reject);
    });
  const reason = ({ text }: Answer): string => (JSON.parse(text) as { reason: string }).reason;

  for (const [what, base] of [
    ['a pod', pod],
    ['a service', service],
  ] as const)
    describe(`of ${what}`, () => {
      it('passes path and query on', bound, async () => {
        assert.match(await raw(`${base}/echo/some/path?a=1`), /^GET \/echo\/some\/path\?a=1$/m);
        const { text } = await request('GET', `${base}/echo/?a=1&b=x%20y&c=%2F&a=2`);
        assert.match(text, /^GET \/echo\/\?a=1&b=x%20y&c=%2F&a=2$/m);
        const above = await request('GET', `${base}/%2e%2e/%2e%2e/echo/x/%2e%2e/%2Fy`);
        assert.match(above.text, /^GET \/echo\/%2Fy$/m);
      });

      for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
        it(`passes ${method} on`, bound, async () => {
          const body = ['GET', 'OPTIONS'].includes(method) ? {} : { body: '{"not":"Kubernetes"}' };
          const { code, text, headers } = await request(method, `${base}/echo`, {
            ...body,
            headers: { 'x-own': 'kept', 'content-type': 'application/x-own' },
          });
          assert.equal(code, 200, text);
          assert.equal(headers['x-method'], method);
          assert.match(text, new RegExp(`^${method} /echo$`, 'm'));
          assert.match(text, /^x-own: kept$/im);
          assert.match(text, /^content-type: application\/x-own$/im);
          assert.ok(text.endsWith(body.body ?? '\n'), text);
        });
      }

      it('passes HEAD on', bound, async () => {
        const { code, headers, text } = await request('HEAD', `${base}/echo`);
        assert.deepEqual([code, headers['x-method'], text], [200, 'HEAD', '']);
        assert.ok(Number(headers['content-length']) > 0);
      });

      it('passes answers of any kind on', bound, async () => {
        for (const status of [201, 404, 418, 500, 503]) {
          const { code, text } = await request('GET', `${base}/status/${status}`);
          assert.deepEqual([code, text], [status, 'told.']);
        }
        assert.deepEqual((await request('GET', `${base}/nothing`)).text, 'none.');
      });

      it('keeps redirects below itself', bound, async () => {
        const near = await request('GET', `${base}/redirect`);
        assert.deepEqual([near.code, near.headers.location], [302, `${base}/target?x=1`]);
        const far = await request('GET', `${base}/elsewhere`);
        assert.deepEqual([far.code, far.headers.location], [302, 'http://example.com/there']);
        for (const method of ['GET', 'HEAD']) {
          const bare = await request(method, `${base}?x=1`);
          assert.deepEqual([bare.code, bare.headers.location], [301, `${base}/?x=1`]);
        }
      });

      it('keeps links of pages below itself', bound, async () => {
        assert.match(await raw(`${base}/page`), new RegExp(`<a href="${base}/rewriteme">test</a>`));
      });

      it('passes large bodies on, both ways', bound, async () => {
        const down = await digest(await stream(`${base}/big`));
        const sum = (await executeIn(box, ['sha256sum', '/tmp/big'])).split(' ')[0];
        assert.deepEqual(down, { bytes: 20 << 20, sha256: sum });
        const body = randomBytes(5 << 20);
        const { text } = await request('PUT', `${base}/count`, { body });
        assert.equal(text.trim(), createHash('sha256').update(body).digest('hex'));
      });

      it('passes an answer on as it comes', bound, async () => {
        await executeIn(box, ['rm', '-f', '/tmp/more']);
        const answer = await stream(`${base}/stream`);
        let text = '';
        for await (const chunk of answer.setEncoding('utf8')) {
          text += String(chunk);
          if (text === 'first\n') await executeIn(box, ['touch', '/tmp/more']);
        }
        assert.equal(text, 'first\nsecond\n');
      });

      it('speaks WebSocket', bound, async () => {
        const url = cluster.hub.httpsUrl.replace(/^https/, 'wss');
        const socket = new WebSocket(`${url}${base}/socket`, cluster.hub.credentials());
        const said = new Arrivals<string>('WebSocket');
        socket.on('message', (data: Buffer) => said.push(String(data)));
        socket.on('close', () => said.end());
        socket.on('error', (error) => said.push(error.message));
        await said.first((text) => text === 'hello', 'a greeting');
        socket.send('ping');
        await said.first((text) => text === 'ping', 'the echo');
        assert.deepEqual(said.all, ['hello', 'ping']);
        socket.terminate();
      });

      it('passes many requests at once on', bound, async () => {
        const numbers = Array.from({ length: 20 }, (_, number) => number);
        const answers = await Promise.all(numbers.map((number) => request('GET', `${base}/echo?n=${number}`)));
        for (const [number, { text }] of answers.entries())
          assert.match(text, new RegExp(`^GET /echo\\?n=${number}$`, 'm'));
      });
    });

  it('finds ports by number, name, scheme and default', bound, async () => {
    for (const name of ['web', 'http:web:8080', 'http:web:'])
      assert.match(await raw(`${namespace}/pods/${name}/proxy/echo`), /^GET \/echo$/m, `pod ${name}`);
    for (const name of ['web:80', 'http:web:http', 'http:web:80'])
      assert.match(await raw(`${namespace}/services/${name}/proxy/echo`), /^GET \/echo$/m, `service ${name}`);
  });

  it('keeps what identifies the caller to itself', bound, async () => {
    const { code, text } = await request('GET', `${pod}/echo`, { headers: { authorization: 'Bearer my-secret' } });
    assert.equal(code, 200);
    assert.doesNotMatch(text, /my-secret/);
  });

  it('says what can not be reached', bound, async () => {
    const refused = await request('GET', `${namespace}/pods/web:9/proxy/`);
    assert.deepEqual([refused.code, reason(refused)], [503, 'ServiceUnavailable']);
    assert.match(refused.text, /error trying to reach service: .*refused/i);
    const missing = await request('GET', `${namespace}/pods/none:80/proxy/`);
    assert.deepEqual([missing.code, reason(missing)], [404, 'NotFound']);
    const unbound = await request('GET', `${namespace}/pods/unbound:8080/proxy/`);
    assert.ok(unbound.code >= 400 && reason(unbound) !== 'InternalError', unbound.text);
    const nobody = await request('GET', `${namespace}/services/nobody:http/proxy/`);
    assert.deepEqual([nobody.code, reason(nobody)], [503, 'ServiceUnavailable']);
    assert.match(nobody.text, /no endpoints available for service \\"nobody/);
    const wrongPort = await request('GET', `${namespace}/services/web:none/proxy/`);
    assert.equal(wrongPort.code, 503);
    const anonymous = await request('GET', `${pod}/echo`, { anonymous: true });
    assert.ok([401, 403].includes(anonymous.code), String(anonymous.code));
  });

  it('serves kubectl proxy', bound, async () => {
    const proxy = await cluster.kubectl.stream(['proxy', '--port=0']);
    const [, address = ''] = /on (127\.0\.0\.1:\d+)/.exec(await proxy.line(/^Starting to serve on/)) ?? [];
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      httpGet(`http://${address}${service}/page`, { agent: false }, resolve).once('error', reject);
    });
    answer.resume();
    await proxy.stop();
    assert.equal(answer.statusCode, 200);
  });

  describe('of a node', () => {
    it("serves a kubelet's health, pods and figures", bound, async () => {
      for (const name of ['solo', 'solo:10250']) assert.equal(await raw(`/api/v1/nodes/${name}/proxy/healthz`), 'ok');
      const { kind, items } = JSON.parse(await raw('/api/v1/nodes/solo/proxy/pods')) as {
        kind: string;
        items: { metadata: { name: string } }[];
      };
      assert.deepEqual([kind, items.map(({ metadata }) => metadata.name)], ['PodList', ['web']]);
      const summary = JSON.parse(await raw('/api/v1/nodes/solo/proxy/stats/summary')) as {
        node: { nodeName: string; memory: { workingSetBytes: number } };
        pods: { podRef: { name: string } }[];
      };
      assert.equal(summary.node.nodeName, 'solo');
      assert.ok(summary.node.memory.workingSetBytes > 0);
      assert.deepEqual(
        summary.pods.map(({ podRef }) => podRef.name),
        ['web'],
      );
      assert.equal((await request('GET', '/api/v1/nodes/solo/proxy/nothing')).code, 404);
      assert.equal((await request('GET', '/api/v1/nodes/none/proxy/healthz')).code, 404);
    });
  });

  it('says that the node is out of reach', bound, async () => {
    await agent.kill9();
    await cluster.nodeReady('solo', 'Unknown');
    for (const path of [`${pod}/echo`, `${service}/echo`, '/api/v1/nodes/solo/proxy/healthz']) {
      const answer = await request('GET', path);
      assert.deepEqual([answer.code, reason(answer)], [503, 'ServiceUnavailable'], path);
    }
    assert.deepEqual(cluster.hub.errors(), []);
  });
});
