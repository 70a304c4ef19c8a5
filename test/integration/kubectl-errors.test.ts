// What is wrong is refused with the path of the field and what was expected,
// by kubectl and on the wire: malformed manifests, unknown fields and kinds,
// sizes, conflicts, strangers.
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { startHub } from '../support/hub.ts';
import { kubectl } from '../support/kubectl.ts';

const hub = await startHub();
const kube = hub.kubectl;
after(async () => {
  await hub.stop();
  assert.deepEqual(hub.errors(), []);
});

type Status = {
  kind: string;
  apiVersion: string;
  status: string;
  message: string;
  reason: string;
  code: number;
  details?: {
    name?: string;
    kind?: string;
    group?: string;
    causes?: { reason: string; message: string; field: string }[];
  };
};

const template = { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } };
const selector = { matchLabels: { a: 'b' } };

async function refused(manifest: object | string): Promise<string> {
  const stdin = typeof manifest === 'string' ? manifest : JSON.stringify(manifest);
  return kube.fails(['create', '-f', '-'], { stdin });
}

async function status(
  method: string,
  path: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<Status> {
  const answer = await hub.request(method, path, {
    body: typeof body === 'string' ? body : JSON.stringify(body),
    headers,
  });
  const parsed = JSON.parse(answer.text) as Status;
  assert.deepEqual(
    [parsed.kind, parsed.apiVersion, parsed.status, parsed.code],
    ['Status', 'v1', 'Failure', answer.code],
  );
  assert.match(answer.headers['content-type'] ?? '', /^application\/json/);
  return parsed;
}

describe('manifests', { timeout: 60_000 }, () => {
  it('invalid values: 422 with every field', async () => {
    const cases: [object, RegExp][] = [
      [
        { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'A_b' } },
        /^The ConfigMap "A_b" is invalid: metadata\.name: Invalid value: "A_b": a lowercase RFC 1123 subdomain must consist of/,
      ],
      [
        { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a' }, spec: {} },
        /^The Pod "a" is invalid: spec\.containers: Required value$/,
      ],
      [
        {
          apiVersion: 'apps/v1',
          kind: 'Deployment',
          metadata: { name: 'a' },
          spec: { selector: { matchLabels: { a: 'x' } }, template },
        },
        /^The Deployment "a" is invalid: spec\.template\.metadata\.labels: Invalid value: \{"a":"b"\}: `selector` does not match template `labels`$/,
      ],
      [
        {
          apiVersion: 'apps/v1',
          kind: 'Deployment',
          metadata: { name: 'a' },
          spec: { replicas: -1, selector, template },
        },
        /^The Deployment "a" is invalid: spec\.replicas: Invalid value: -1: must be greater than or equal to 0$/,
      ],
      [
        { apiVersion: 'v1', kind: 'Service', metadata: { name: 'a' }, spec: {} },
        /^The Service "a" is invalid: spec\.ports: Required value$/,
      ],
      [
        { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' }, data: { 'a/b': 'c' } },
        /^The ConfigMap "a" is invalid: data\[a\/b\]: Invalid value: "a\/b": a valid config key must consist of/,
      ],
      [
        { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a', labels: { k: 'not a label' } } },
        /^The ConfigMap "a" is invalid: metadata\.labels: Invalid value: "not a label": a valid label must be/,
      ],
    ];
    for (const [manifest, message] of cases) assert.match(await refused(manifest), message);
    const many = await refused({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'a' },
      spec: { restartPolicy: 'Sometimes', containers: [{ name: 'C!' }] },
    });
    const lines = many.split('\n');
    assert.equal(lines[0], 'The Pod "a" is invalid: ');
    const fields = lines
      .slice(1)
      .map((line) => line.split(':')[0])
      .sort();
    assert.deepEqual(fields, ['* spec.containers[0].image', '* spec.containers[0].name', '* spec.restartPolicy']);
    assert.ok(
      lines.includes(
        '* spec.restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "OnFailure", "Never"',
      ),
    );
  });

  it('wrong types: 400 with the field and what was expected', async () => {
    const deployment = {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'a' },
      spec: { replicas: 'three', selector, template },
    };
    assert.match(
      await refused(deployment),
      /^Error from server \(BadRequest\): error when creating "STDIN": Deployment in version "v1" cannot be handled as a Deployment: .*spec\.replicas.*unmarshal string.*integer/,
    );
    const quantity = { containers: [{ name: 'c', image: 'i', resources: { limits: { cpu: 'lots' } } }] };
    assert.match(
      await refused({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a' }, spec: quantity }),
      /spec\.containers\[0\]\.resources\.limits\.cpu: .*quantities must match the regular expression/,
    );
    assert.match(
      await refused({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'a' }, data: { k: '!!' } }),
      /Secret in version "v1" cannot be handled as a Secret: data\.k: illegal base64 data/,
    );
  });

  it('unknown fields: strictly refused, warned about, or ignored, as asked', async () => {
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'loose' },
      spec: { colour: 'red', containers: [{ name: 'c', image: 'i', imagee: 'x' }] },
    };
    assert.equal(
      await refused(pod),
      'Error from server (BadRequest): error when creating "STDIN": Pod in version "v1" cannot be handled as a Pod: strict decoding error: unknown field "spec.colour", unknown field "spec.containers[0].imagee"',
    );
    const warned = await kube.run(['create', '--validate=warn', '-f', '-'], { stdin: JSON.stringify(pod) });
    assert.deepEqual([warned.code, warned.stdout], [0, 'pod/loose created\n']);
    assert.deepEqual(warned.stderr.trim().split('\n'), [
      'Warning: unknown field "spec.colour"',
      'Warning: unknown field "spec.containers[0].imagee"',
    ]);
    const patch = ['patch', 'pod', 'loose', '--type=merge', '-p'];
    const foreign = await kube.run([...patch, '{"spec":{"größe-日本":1}}']);
    assert.deepEqual([foreign.code, foreign.stderr], [0, 'Warning: unknown field "spec.größe-日本"\n']);
    // As many warnings as fit into what clients read of headers.
    const spec = Object.fromEntries(Array.from({ length: 5000 }, (_, index) => [`unknown${index}`, 1]));
    const many = await kube.run([...patch, JSON.stringify({ spec })]);
    assert.deepEqual([many.code, many.stderr.split('\n')[0]], [0, 'Warning: unknown field "spec.unknown0"']);
    const ignored = await kube.run(['apply', '--validate=false', '-f', '-'], {
      stdin: JSON.stringify({ ...pod, metadata: { name: 'looser' } }),
    });
    assert.deepEqual(ignored, { code: 0, stdout: 'pod/looser created\n', stderr: '' });
    assert.equal(await kube.ok(['get', 'pod', 'looser', '-o', 'jsonpath={.spec.colour}']), '');
  });

  it('unknown kinds, versions, resources and namespaces', async () => {
    const unknown = (apiVersion: string, kind: string): string =>
      `error: resource mapping not found for name: "a" namespace: "" from "STDIN": no matches for kind "${kind}" in version "${apiVersion}"\nensure CRDs are installed first`;
    for (const [apiVersion, kind] of [
      ['v1', 'Widget'],
      ['apps/v9', 'Deployment'],
      ['extensions/v1beta1', 'Ingress'],
    ] as const) {
      assert.equal(await refused({ apiVersion, kind, metadata: { name: 'a' } }), unknown(apiVersion, kind));
    }
    assert.equal(await kube.fails(['get', 'widgets']), `error: the server doesn't have a resource type "widgets"`);
    const stray = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a', namespace: 'nowhere' } };
    assert.equal(
      await refused(stray),
      'Error from server (NotFound): error when creating "STDIN": namespaces "nowhere" not found',
    );
    assert.equal((await kube.run(['get', 'cm', '-n', 'nowhere'])).stderr, 'No resources found in nowhere namespace.\n');
    const twice = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'twice' } };
    await kube.apply([twice]);
    assert.equal(
      await refused(twice),
      'Error from server (AlreadyExists): error when creating "STDIN": configmaps "twice" already exists',
    );
  });

  it('objects that are too large', async () => {
    const map = (bytes: number): object => ({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'big' },
      data: { a: 'x'.repeat(bytes) },
    });
    assert.equal(
      await refused(map((3 << 20) + 1)),
      'Error from server (RequestEntityTooLarge): error when creating "STDIN": Request entity too large: limit is 3145728',
    );
    assert.equal(
      await refused(map((1 << 20) + 1)),
      'The ConfigMap "big" is invalid: []: Too long: may not be more than 1048576 bytes',
    );
    const exact = await kube.run(['create', '-f', '-'], { stdin: JSON.stringify(map(1 << 20)) });
    assert.equal(exact.code, 0, exact.stderr);
    const annotated = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'big', annotations: { a: 'x'.repeat((256 << 10) + 1) } },
    };
    assert.match(await refused(annotated), /metadata\.annotations: Too long: may not be more than 262144 bytes$/);
  });

  it('a resize that makes the pod another one is refused in words', async () => {
    await kube.apply([
      { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'plain' }, spec: { containers: [{ name: 'c', image: 'i' }] } },
    ]);
    const patch = '{"spec":{"containers":[{"name":"c","resources":{"requests":{"cpu":"1"}}}]}}';
    assert.match(
      await kube.fails(['patch', 'pod', 'plain', '--subresource=resize', '-p', patch]),
      /The Pod "plain" is invalid: spec: Invalid value: "BestEffort": Pod QOS Class may not change as a result of resizing/,
    );
  });
});

describe('requests', { timeout: 60_000 }, () => {
  const maps = '/api/v1/namespaces/default/configmaps';

  it('a Status tells name, kind, group and causes', async () => {
    const invalid = await status('POST', '/apis/apps/v1/namespaces/default/deployments', {
      metadata: { name: 'd' },
      spec: { selector },
    });
    assert.deepEqual(
      [invalid.code, invalid.reason, invalid.details?.name, invalid.details?.kind, invalid.details?.group],
      [422, 'Invalid', 'd', 'Deployment', 'apps'],
    );
    const causes = invalid.details?.causes?.map(({ reason, field }) => `${reason} ${field}`) ?? [];
    assert.ok(causes.includes('FieldValueRequired spec.template.spec.containers'), causes.join());
    const missing = await status('GET', '/apis/apps/v1/namespaces/default/deployments/nope', undefined);
    assert.deepEqual(
      [missing.code, missing.reason, missing.details],
      [404, 'NotFound', { name: 'nope', group: 'apps', kind: 'deployments' }],
    );
  });

  it('malformed bodies, types and verbs', async () => {
    const refusals: [string, string, unknown, Record<string, string>, number, string][] = [
      ['POST', maps, '{"metadata":', {}, 400, 'BadRequest'],
      ['POST', maps, '[]', {}, 400, 'BadRequest'],
      ['POST', maps, '"x"', {}, 400, 'BadRequest'],
      ['POST', maps, { kind: 'Pod', apiVersion: 'v1', metadata: { name: 'a' } }, {}, 400, 'BadRequest'],
      ['POST', maps, { metadata: { name: 'a', namespace: 'other' } }, {}, 400, 'BadRequest'],
      ['POST', maps, { metadata: { name: 'a', resourceVersion: '7' } }, {}, 400, 'BadRequest'],
      ['POST', maps, '<xml/>', { 'content-type': 'text/xml' }, 415, 'UnsupportedMediaType'],
      [
        'POST',
        maps,
        Buffer.from('k8s\0junk').toString('latin1'),
        { 'content-type': 'application/vnd.kubernetes.protobuf' },
        400,
        'BadRequest',
      ],
      ['PUT', maps, {}, {}, 405, 'MethodNotAllowed'],
      ['POST', `${maps}?dryRun=Some`, { metadata: { name: 'a' } }, {}, 422, 'Invalid'],
      ['POST', `${maps}?fieldValidation=Maybe`, { metadata: { name: 'a' } }, {}, 400, 'BadRequest'],
      ['PATCH', '/api/v1/namespaces/default', {}, { 'content-type': 'application/json' }, 415, 'UnsupportedMediaType'],
      ['GET', `${maps}?labelSelector=%3D%3D`, undefined, {}, 400, 'BadRequest'],
      ['GET', `${maps}?limit=-1`, undefined, {}, 400, 'BadRequest'],
      ['GET', `${maps}?continue=junk`, undefined, {}, 400, 'BadRequest'],
      ['GET', `${maps}?watch=1&resourceVersion=abc`, undefined, {}, 400, 'BadRequest'],
      ['GET', maps, undefined, { accept: 'image/png' }, 406, 'NotAcceptable'],
      ['GET', '/api/v1/namespaces/default/widgets', undefined, {}, 404, 'NotFound'],
      ['GET', `${maps}/..%2f..%2fsecrets`, undefined, {}, 404, 'NotFound'],
    ];
    for (const [method, path, body, headers, code, reason] of refusals) {
      const answer = await status(method, path, body, headers);
      assert.deepEqual([answer.code, answer.reason], [code, reason], `${method} ${path}: ${answer.message}`);
    }
  });

  it('a wrong resourceVersion or uid: 409', async () => {
    await kube.apply([{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'versioned' } }]);
    const stale = await status('PUT', `${maps}/versioned`, { metadata: { name: 'versioned', resourceVersion: '1' } });
    assert.deepEqual([stale.code, stale.reason], [409, 'Conflict']);
    assert.match(
      stale.message,
      /the object has been modified; please apply your changes to the latest version and try again$/,
    );
    const patch = { 'content-type': 'application/merge-patch+json' };
    assert.equal((await status('PATCH', `${maps}/versioned`, { metadata: { resourceVersion: '1' } }, patch)).code, 409);
    const other = await status('DELETE', `${maps}/versioned`, { preconditions: { uid: 'other' } });
    assert.deepEqual([other.code, other.reason], [409, 'Conflict']);
    assert.match(other.message, /Precondition failed: UID in precondition: other, UID in object meta: /);
  });

  it('more than 3 MiB: 413, and the hub goes on', async () => {
    const answer = await status(
      'POST',
      maps,
      JSON.stringify({ metadata: { name: 'huge' }, data: { a: 'x'.repeat(3 << 20) } }),
    );
    assert.deepEqual([answer.code, answer.reason], [413, 'RequestEntityTooLarge']);
    const stranger = await hub.request('POST', maps, { body: 'x'.repeat(4 << 20), anonymous: true });
    assert.equal(stranger.code, 401);
    assert.equal((await hub.request('GET', maps)).code, 200);
  });

  it('strangers: 401 but for health and version', async () => {
    for (const path of [maps, '/api', '/apis', '/metrics', '/openapi/v3', '/api/v1/secrets', '/nope']) {
      const answer = await hub.request('GET', path, { anonymous: true });
      assert.deepEqual([answer.code, (JSON.parse(answer.text) as Status).reason], [401, 'Unauthorized'], path);
    }
    for (const path of ['/healthz', '/readyz', '/version'])
      assert.equal((await hub.request('GET', path, { anonymous: true })).code, 200);
    const strangers = await kube.file('stranger.kubeconfig', '');
    const get = ['get', 'pods', '--server', hub.httpsUrl, '--token=made-up'];
    const refusal = await kubectl(strangers, [...get, '--insecure-skip-tls-verify']);
    assert.equal(refusal.code, 1);
    assert.match(refusal.stderr, /^error: You must be logged in to the server \(/m);
    assert.match((await kubectl(strangers, get)).stderr, /certificate signed by unknown authority/);
  });
});
