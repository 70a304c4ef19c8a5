// Rows of attach, cp, exec, port-forward and proxy: what reaches into a pod.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { access, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text as textOf } from 'node:stream/consumers';
import { shell } from '../../support/pods.ts';
import { PortForward } from '../../support/port-forward.ts';
import { fieldOf, type Thing } from '../../support/things.ts';
import { type Row, rowsOf } from './row.ts';
import type { Seat } from './seat.ts';
import { configMap, pod, service } from './things.ts';

const hashOf = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

const exec = rowsOf('exec', {
  'output, errors and exit code': async (seat) => {
    const name = await seat.target();
    const script = 'echo out; echo err >&2; exit 7';
    const { code, stdout, stderr } = await seat.run(`exec ${name} -c main -- sh -c '${script}'`);
    assert.deepEqual([code, stdout, stderr], [7, 'out\n', 'err\ncommand terminated with exit code 7\n']);
    await seat.says(`exec pod/${name} -c side -- hostname`, name);
    const none = await seat.run(`exec ${name} -c main -- /no/such/program`);
    assert.notEqual(none.code, 0);
    assert.match(none.stderr, /no such file|not found|exit code 12[67]/);
  },
  'without -c: the first container, or the one of the annotation': async (seat) => {
    const name = await seat.target();
    const { stdout, stderr } = await seat.run(`exec ${name} -- cat /proc/1/cmdline`);
    assert.match(stdout, /httpd/);
    assert.match(stderr, /^Defaulted container "main" out of: main, side$/m);
    const containers = [
      shell('first', 'exec sleep 86400'),
      shell('second', 'exec sleep 86400', { env: [{ name: 'I', value: '2' }] }),
    ];
    const annotations = { 'kubectl.kubernetes.io/default-container': 'second' };
    await seat.create(pod('annotated-default', '', { containers }, { annotations }));
    await seat.ready('annotated-default');
    await seat.says(`exec annotated-default -- sh -c 'echo $I'`, '2');
    await seat.drop('pods/annotated-default');
  },
  '-i: standard input to its end': async (seat) => {
    const name = await seat.target();
    const bytes = randomBytes(1 << 20).toString('base64');
    const sum = await seat.ok(`exec -i ${name} -c main -- sha256sum`, { stdin: bytes });
    assert.equal(sum.split(' ')[0], hashOf(Buffer.from(bytes)));
    await seat.says(`exec -i ${name} -c main -- cat`, 'hello', { stdin: 'hello' });
  },
  'much output, whole and in order': async (seat) => {
    const name = await seat.target();
    const lines = (await seat.ok(`exec ${name} -c main -- seq 1 200000`)).split('\n');
    assert.equal(lines.length, 200_000);
    assert.ok(lines.every((line, index) => line === String(index + 1)));
  },
  '-it: a terminal': async (seat) => {
    const terminal = await seat.terminal(`exec -it ${await seat.target()} -c main -- sh`);
    await terminal.see(/# /);
    terminal.type('tty; stty size; echo $((6*7)); exit 5\r');
    await terminal.see(/^\/dev\/pts\/\d+\r\n24 80\r\n42\r\n/m);
    assert.equal(await terminal.ended, 5, terminal.text);
  },
  '-t without a terminal; a Deployment or Service by name': async (seat) => {
    const name = await seat.target();
    const { stderr, stdout } = await seat.run(`exec -it ${name} -c main -- echo here`, { stdin: '' });
    assert.match(stderr, /Unable to use a TTY - input is not a terminal or the right kind of file/);
    assert.match(stdout, /here/);
    await seat.create(service('target'));
    await seat.says(`exec service/target -c main -- hostname`, name);
    await seat.refuses('exec none -- true', /pods "none" not found/);
    await seat.refuses(`exec ${name} -c none -- true`, /container none (is not valid for pod|not found in pod)/);
    await seat.drop('services/target');
  },
});

const attach = rowsOf('attach', {
  'what a container prints from now on': async (seat) => {
    await seat.create(pod('attached', 'n=0; while :; do n=$((n+1)); echo tick $n; sleep 0.5; done'));
    await seat.ready('attached');
    const stream = await seat.stream('attach attached');
    await stream.line(/^tick \d+$/);
    const { stderr } = await stream.stop();
    assert.doesNotMatch(stderr, /error/i);
    await seat.drop('pods/attached');
  },
  '-i: its standard input; the end of both': async (seat) => {
    const reader = shell('main', 'while read -r line; do echo "got $line"; done; echo end', {
      stdin: true,
      stdinOnce: true,
    });
    await seat.create(pod('attached-in', '', { restartPolicy: 'Never', containers: [reader] }));
    await seat.ready('attached-in');
    const stdout = await seat.ok('attach -i attached-in', { stdin: 'hello\nthere\n' });
    assert.match(stdout, /^got hello\ngot there\nend$/m);
    await seat.becomes('pods/attached-in', { 'status.phase': 'Succeeded' });
    await seat.drop('pods/attached-in');
  },
  '-it: a terminal': async (seat) => {
    const containers = [{ ...shell('main', ''), command: ['sh'], stdin: true, tty: true }];
    await seat.create(pod('attached-tty', '', { restartPolicy: 'Never', containers }));
    await seat.ready('attached-tty');
    const terminal = await seat.terminal('attach -it attached-tty');
    terminal.type('echo $((6*7)); exit\r');
    await terminal.see(/^42\r$/m);
    await terminal.ended;
    await seat.becomes('pods/attached-tty', { 'status.phase': 'Succeeded' });
    await seat.drop('pods/attached-tty');
  },
});

const cp = rowsOf('cp', {
  'a file there and back': async (seat) => {
    const name = await seat.target();
    const bytes = randomBytes(3 << 20);
    await seat.kube.file('cp/keep', '');
    await writeFile(join(seat.kube.home, 'cp/big'), bytes);
    await seat.ok(`cp cp/big ${name}:/tmp/big -c side`);
    const sum = await seat.ok(`exec ${name} -c side -- sha256sum /tmp/big`);
    assert.equal(sum.split(' ')[0], hashOf(bytes));
    await seat.ok(`cp ${seat.namespace}/${name}:/tmp/big cp/back -c side`);
    assert.equal(hashOf(await readFile(join(seat.kube.home, 'cp/back'))), hashOf(bytes));
  },
  'a directory there and back': async (seat) => {
    const name = await seat.target();
    await seat.kube.file('tree/a.txt', 'one\n');
    await seat.kube.file('tree/deep/b.txt', 'two\n');
    await seat.ok(`cp tree ${name}:/tmp -c main`);
    await seat.says(`exec ${name} -c main -- cat /tmp/tree/a.txt /tmp/tree/deep/b.txt`, 'one\ntwo');
    await seat.ok(`cp ${name}:/tmp/tree copied -c main --retries=2`);
    assert.equal(await readFile(join(seat.kube.home, 'copied/deep/b.txt'), 'utf8'), 'two\n');
  },
  'what is not there': async (seat) => {
    const name = await seat.target();
    // Whether kubectl fails depends on what it sees first, the end of the archive or that of the command.
    await seat.run(`cp ${name}:/tmp/none none -c main`);
    await assert.rejects(access(join(seat.kube.home, 'none')), /ENOENT/);
    await seat.refuses(`cp none ${name}:/tmp/none -c main`, /none doesn't exist in local filesystem/);
  },
});

/** Forwards to the target, whose server must answer, several times and at once. */
async function forwards(seat: Seat, what: string, port: number | string): Promise<void> {
  await seat.target();
  const forward = await PortForward.start(seat.kube, what, [port]);
  const get = async (path: string): Promise<string> => textOf(await forward.get(path));
  const [first, second, passwd] = await Promise.all(['/version', '/version', '/etc/passwd'].map(get));
  assert.deepEqual([first, second], ['1\n', '1\n']);
  assert.match(passwd ?? '', /^root:/);
  assert.equal(await get('/version'), '1\n');
  await forward.stop();
}

const portForward = rowsOf('port-forward', {
  'to a pod': (seat) => forwards(seat, 'target', 8080),
  'to a port by its name': (seat) => forwards(seat, 'pod/target', 'web'),
  'to a Service': async (seat) => {
    await seat.create({
      ...service('forwarded'),
      spec: { selector: { app: 'target' }, ports: [{ port: 80, targetPort: 'web' }] },
    });
    await forwards(seat, 'service/forwarded', 80);
    await seat.drop('services/forwarded');
  },
  'much data; a port where nobody listens': async (seat) => {
    const name = await seat.target();
    await seat.ok(`exec ${name} -c main -- dd if=/dev/urandom of=/tmp/much bs=1024 count=4096`);
    const sum = (await seat.ok(`exec ${name} -c main -- sha256sum /tmp/much`)).split(' ')[0];
    const forward = await PortForward.start(seat.kube, `pod/${name}`, [8080, 9]);
    const digest = createHash('sha256');
    for await (const chunk of await forward.get('/tmp/much')) digest.update(chunk as Buffer);
    assert.equal(digest.digest('hex'), sum);
    await assert.rejects(forward.get('/', 1));
    const said = /an error occurred forwarding|error forwarding port 9|lost connection/;
    await forward.lines.first((line) => said.test(line), 'what went wrong');
    await forward.stop();
  },
});

const fetched = async (url: string): Promise<string> =>
  (await fetch(url, { signal: AbortSignal.timeout(20_000) })).text();

/** Runs kubectl proxy while the work is done with its address. */
async function proxied(seat: Seat, flags: string, work: (address: string) => Promise<void>): Promise<void> {
  const stream = await seat.stream(`proxy --port=0 ${flags}`);
  const line = await stream.line(/^Starting to serve on 127\.0\.0\.1:\d+$/);
  try {
    await work(`http://${line.split(' ').at(-1)}`);
  } finally {
    await stream.stop();
  }
}

const proxy = rowsOf('proxy', {
  'requests of the API': (seat) =>
    proxied(seat, '', async (address) => {
      const path = `${address}/api/v1/namespaces/${seat.namespace}/configmaps`;
      const headers = { 'content-type': 'application/json' };
      const made = await fetch(path, {
        method: 'POST',
        headers,
        body: JSON.stringify(configMap('by-proxy', { a: '1' })),
      });
      assert.equal(made.status, 201);
      await seat.holds('configmaps/by-proxy', { data: { a: '1' } });
      const object = JSON.parse(await fetched(`${path}/by-proxy`)) as Thing;
      assert.equal(fieldOf(object, 'metadata.name'), 'by-proxy');
      // What could be misused from a browser is refused by default.
      const refused = await fetch(`${address}/api/v1/namespaces/${seat.namespace}/pods/target/exec?command=id`, {
        method: 'POST',
      });
      assert.equal(refused.status, 403);
    }),
  'to pods and Services': (seat) =>
    proxied(seat, '', async (address) => {
      await seat.target();
      await seat.create({
        ...service('proxied'),
        spec: { selector: { app: 'target' }, ports: [{ name: 'web', port: 80, targetPort: 8080 }] },
      });
      const base = `${address}/api/v1/namespaces/${seat.namespace}`;
      assert.equal(await fetched(`${base}/pods/target:8080/proxy/version`), '1\n');
      assert.equal(await fetched(`${base}/pods/http:target:8080/proxy/version`), '1\n');
      await seat.cluster.until('the Service has its endpoint', async () =>
        (await fetched(`${base}/services/proxied:web/proxy/version`)) === '1\n' ? true : undefined,
      );
      const missing = await fetch(`${base}/pods/target:8080/proxy/none`);
      assert.equal(missing.status, 404);
      await missing.body?.cancel();
      await seat.drop('services/proxied');
    }),
  '--www, --api-prefix, --accept-paths': async (seat) => {
    await seat.kube.file('www/page.txt', 'page\n');
    const flags = `--www=${join(seat.kube.home, 'www')} --www-prefix=/files/ --api-prefix=/hub/ --reject-paths=^/api/v1/nodes`;
    await proxied(seat, flags, async (address) => {
      assert.equal(await fetched(`${address}/files/page.txt`), 'page\n');
      assert.match(await fetched(`${address}/hub/version`), /"gitVersion"/);
      assert.equal((await fetch(`${address}/hub/api/v1/nodes`)).status, 403);
    });
  },
});

export const streamRows: readonly Row[] = [...exec, ...attach, ...cp, ...portForward, ...proxy];
