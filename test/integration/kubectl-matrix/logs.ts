// Rows of logs and events.
import assert from 'node:assert/strict';
import { shell } from '../../support/pods.ts';
import { fieldOf, type Thing } from '../../support/things.ts';
import { type Row, rowsOf } from './row.ts';
import { patient, pod, workload } from './things.ts';

const logs = rowsOf('logs', {
  'of a container, --tail, --limit-bytes, --timestamps': async (seat) => {
    const name = await seat.target();
    await seat.says(`logs ${name} -c main`, 'one\ntwo\nthree');
    await seat.says(`logs pod/${name} -c side`, 'beside');
    await seat.says(`logs ${name} side`, 'beside');
    await seat.says(`logs ${name} -c main --tail=1`, 'three');
    await seat.says(`logs ${name} -c main --limit-bytes=5`, 'one\nt');
    const time = '\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d+Z';
    await seat.says(`logs ${name} -c main --timestamps --tail=2`, new RegExp(`^${time} two\n${time} three$`));
    await seat.refuses(`logs ${name} -c none`, /container none is not valid for pod target/);
    await seat.refuses('logs none', /pods "none" not found/);
  },
  'without -c: the first container': async (seat) => {
    const { stdout, stderr } = await seat.run(`logs ${await seat.target()}`);
    assert.equal(stdout, 'one\ntwo\nthree\n');
    assert.match(stderr, /^Defaulted container "main" out of: main, side$/m);
  },
  '--all-containers, --prefix': async (seat) => {
    const name = await seat.target();
    const all = (await seat.ok(`logs ${name} --all-containers`)).split('\n').sort();
    assert.deepEqual(all, ['beside', 'one', 'three', 'two']);
    await seat.says(`logs ${name} -c side --prefix`, '[pod/target/side] beside');
  },
  '-l, --max-log-requests': async (seat) => {
    const labels = { labels: { row: 'logs' } };
    const spec = { restartPolicy: 'Never' };
    await seat.create(
      pod('logged-a', 'echo a1; echo a2', spec, labels),
      pod('logged-b', 'echo b1; echo b2', spec, labels),
    );
    for (const name of ['logged-a', 'logged-b']) await seat.becomes(`pods/${name}`, { 'status.phase': 'Succeeded' });
    const found = async (flags: string): Promise<string[]> => (await seat.ok(`logs ${flags}`)).split('\n').sort();
    assert.deepEqual(await found('-l row=logs'), ['a1', 'a2', 'b1', 'b2']);
    assert.deepEqual(await found('-l row=logs --tail=1'), ['a2', 'b2']);
    assert.deepEqual(await found('-l row=logs --prefix --tail=1'), [
      '[pod/logged-a/main] a2',
      '[pod/logged-b/main] b2',
    ]);
    await seat.refuses(
      'logs -f -l row=logs --max-log-requests=1',
      /attempting to follow 2 log streams, but maximum allowed concurrency is 1/,
    );
    await seat.drop('pods/logged-a', 'pods/logged-b');
  },
  '-f: what comes, until the container ends': async (seat) => {
    // Ends when it is told by a file.
    const script = 'echo begin; while [ ! -e /tmp/end ]; do sleep 0.1; done; echo end';
    await seat.create(pod('followed', script, { restartPolicy: 'Never' }));
    await seat.ready('followed');
    const stream = await seat.stream('logs -f followed');
    await stream.line(/^begin$/);
    await seat.ok('exec followed -- touch /tmp/end');
    const { code, stdout } = await stream.ended;
    assert.deepEqual([code, stdout], [0, 'begin\nend\n']);
    await seat.drop('pods/followed');
  },
  '--previous': async (seat) => {
    const script = `n=$(cat /data/n 2>/dev/null || echo 0); echo run $n; echo $((n+1)) > /data/n; [ $n -gt 0 ] || exit 1; ${patient}`;
    const mounts = { volumeMounts: [{ name: 'data', mountPath: '/data' }] };
    const spec = { containers: [shell('main', script, mounts)], volumes: [{ name: 'data', emptyDir: {} }] };
    await seat.create(pod('previous', '', spec));
    await seat.becomes('pods/previous', {
      'status.containerStatuses[0].restartCount': 1,
      'status.containerStatuses[0].ready': true,
    });
    await seat.says('logs previous', 'run 1');
    await seat.says('logs previous --previous', 'run 0');
    await seat.refuses(
      `logs ${await seat.target()} -c main -p`,
      /previous terminated container "main" in pod "target" not found/,
    );
    await seat.drop('pods/previous');
  },
  '--since, --since-time': async (seat) => {
    const name = await seat.target();
    await seat.says(`logs ${name} -c main --since=1h`, 'one\ntwo\nthree');
    await seat.says(`logs ${name} -c main --since-time=2020-01-01T00:00:00Z`, 'one\ntwo\nthree');
    const { startTime } = (await seat.object(`pods/${name}`)).status as { startTime: string };
    const later = new Date(Date.parse(startTime) + 3_600_000).toISOString().replace(/\.\d+/, '');
    await seat.says(`logs ${name} -c main --since-time=${later}`, '');
    await seat.cluster.until('the lines are older than a second', async () =>
      (await seat.ok(`logs ${name} -c main --since=1s`)) === '' ? true : undefined,
    );
  },
  'of a Deployment and a Job, --all-pods': async (seat) => {
    const containers = [shell('main', `echo deployed; ${patient}`)];
    const template = {
      metadata: { labels: { app: 'logged' } },
      spec: { terminationGracePeriodSeconds: 1, containers },
    };
    await seat.create(workload('Deployment', 'logged', { replicas: 2, template }));
    await seat.becomes('deployments/logged', { 'status.availableReplicas': 2 });
    const { stdout, stderr } = await seat.run('logs deployment/logged');
    assert.equal(stdout, 'deployed\n');
    assert.match(stderr, /^Found 2 pods, using pod\/logged-/m);
    const all = (await seat.ok('logs deployment/logged --all-pods')).split('\n');
    assert.deepEqual(
      all.map((line) => line.replace(/^\[pod\/logged-[a-z0-9-]+\/main\] /, '')),
      ['deployed', 'deployed'],
    );
    await seat.drop('deployments/logged');
  },
});

const events = rowsOf('events', {
  '--for, --types, -o, sorted by time': async (seat) => {
    const name = await seat.target();
    const text = await seat.prints(
      `events --for pod/${name}`,
      /Started +Pod\/target +(Started container|Container started)/,
    );
    assert.match(text, /^LAST SEEN +TYPE +REASON +OBJECT +MESSAGE\n/);
    const reasons = text
      .split('\n')
      .slice(1)
      .map((line) => line.split(/ {2,}/)[2]);
    assert.ok(reasons.indexOf('Scheduled') < reasons.indexOf('Started'), reasons.join());
    const list = JSON.parse(await seat.ok(`events --for pod/${name} -o json`)) as { items: Thing[] };
    assert.ok(list.items.every((event) => fieldOf(event, 'involvedObject.name') === name));
    await seat.create(pod('unplaceable', patient, { nodeSelector: { no: 'where' } }));
    await seat.prints(
      'events --types=Warning --no-headers',
      /Warning +FailedScheduling +Pod\/unplaceable +0\/1 nodes are available/,
    );
    assert.doesNotMatch(await seat.ok('events --types=Warning --no-headers'), /Normal/);
    await seat.prints('events -A', new RegExp(`^NAMESPACE +LAST SEEN.*\\n[\\s\\S]*^${seat.namespace} `, 'm'));
    await seat.drop('pods/unplaceable');
  },
  '--watch': async (seat) => {
    const stream = await seat.stream('events --watch --for pod/announced');
    await seat.create(pod('announced', patient));
    await stream.line(/Normal +Scheduled +Pod\/announced/);
    await stream.line(/Normal +Started +Pod\/announced/);
    await stream.stop();
    await seat.drop('pods/announced');
  },
});

export const logRows: readonly Row[] = [...logs, ...events];
