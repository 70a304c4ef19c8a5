// Rows of run and debug: pods made from the command line.
import assert from 'node:assert/strict';
import { images } from '../../support/engine.ts';
import { fieldOf, type Thing } from '../../support/things.ts';
import { type Row, rowsOf } from './row.ts';
import { patient, pod } from './things.ts';

const image = `--image=${images.one}`;

const run = rowsOf('run', {
  'makes a pod: --env, --port, --labels, --annotations, a command': async (seat) => {
    const flags = '--env=DEPTH=9 --port=8080 --labels=row=run,a=b --annotations=c=d --command';
    await seat.says(`run ran ${image} ${flags} -- sh -c '${patient}'`, 'pod/ran created');
    await seat.holds('pods/ran', {
      'metadata.labels': { row: 'run', a: 'b' },
      'metadata.annotations[c]': 'd',
      'spec.containers[0].name': 'ran',
      'spec.containers[0].env': [{ name: 'DEPTH', value: '9' }],
      'spec.containers[0].ports[0].containerPort': 8080,
      'spec.containers[0].command': ['sh', '-c', patient],
      'spec.restartPolicy': 'Always',
    });
    await seat.ready('ran');
    await seat.drop('pods/ran');
  },
  '--restart=Never, --overrides, --dry-run': async (seat) => {
    const overrides = JSON.stringify({ spec: { terminationGracePeriodSeconds: 1, hostname: 'over' } });
    await seat.ok(`run ran-once ${image} --restart=Never --overrides='${overrides}' --command -- hostname`);
    await seat.becomes('pods/ran-once', { 'status.phase': 'Succeeded' });
    await seat.says('logs ran-once', 'over');
    const dry = JSON.parse(await seat.ok(`run ran-dry ${image} --dry-run=client -o json -- arg`)) as Thing;
    assert.deepEqual(
      [fieldOf(dry, 'metadata.labels.run'), fieldOf(dry, 'spec.containers[0].args')],
      ['ran-dry', ['arg']],
    );
    await seat.absent('pods/ran-dry');
    await seat.drop('pods/ran-once');
  },
  '--expose': async (seat) => {
    const stdout = await seat.ok(
      `run ran-exposed ${image} --port=80 --expose --overrides='{"spec":{"nodeSelector":{"no":"where"}}}'`,
    );
    assert.deepEqual(stdout.split('\n').sort(), ['pod/ran-exposed created', 'service/ran-exposed created']);
    await seat.holds('services/ran-exposed', { 'spec.selector': { run: 'ran-exposed' }, 'spec.ports[0].port': 80 });
    await seat.drop('pods/ran-exposed', 'services/ran-exposed');
  },
  '--rm -i --restart=Never: input, output, exit code, nothing left': async (seat) => {
    const flags = `${image} --rm -i --restart=Never --command`;
    const cat = await seat.run(`run ran-cat ${flags} -- cat`, { stdin: 'hello\nthere\n' });
    assert.equal(cat.code, 0, cat.stderr);
    assert.match(cat.stdout, /^hello\nthere\n/m);
    assert.match(cat.stdout + cat.stderr, /pod "ran-cat" deleted/);
    await seat.gone('pods/ran-cat');
    const failed = await seat.run(`run ran-failed ${flags} -- sh -c 'read -r line; exit 3'`, { stdin: 'x\n' });
    assert.equal(failed.code, 3, failed.stderr);
    assert.match(failed.stderr, /pod .*ran-failed terminated \(Error\)/);
    await seat.gone('pods/ran-failed');
  },
  '--rm -it --restart=Never: a terminal': async (seat) => {
    const terminal = await seat.terminal(`run ran-tty ${image} --rm -it --restart=Never --command -- sh`);
    terminal.type('echo $((6*7)); exit\r');
    await terminal.see(/^42\r$/m, 45_000);
    await terminal.see(/pod "ran-tty" deleted/, 45_000);
    assert.equal(await terminal.ended, 0, terminal.text);
    await seat.gone('pods/ran-tty');
  },
  '--attach of what ends at once': async (seat) => {
    const { code, stdout, stderr } = await seat.run(
      `run ran-short ${image} --attach --restart=Never --command -- echo brief`,
    );
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^brief$/m);
    await seat.drop('pods/ran-short');
  },
});

/** Of the newest pod whose name begins so. */
const madePod = /Creating debugging pod (\S+) with container (\S+) on node/;

const debug = rowsOf('debug', {
  'an ephemeral container in a pod that runs': async (seat) => {
    await seat.create(pod('debugged', patient));
    await seat.ready('debugged');
    await seat.ok(`debug debugged ${image} -c looker --env=DEPTH=9 -- sh -c 'echo depth $DEPTH; hostname'`);
    await seat.seen('pods/debugged', 'an ended ephemeral container', (object) => {
      const ended = fieldOf(object, 'status.ephemeralContainerStatuses[0].state.terminated.exitCode');
      return ended === 0;
    });
    await seat.says('logs debugged -c looker', 'depth 9\ndebugged');
    await seat.holds('pods/debugged', {
      'spec.ephemeralContainers[0].name': 'looker',
      'spec.ephemeralContainers[0].image': images.one,
      'status.containerStatuses[0].restartCount': 0,
    });
    const add = `patch pod debugged -p '{"spec":{"ephemeralContainers":[{"name":"x","image":"y"}]}}'`;
    const { code, stderr } = await seat.run(add);
    assert.ok(code !== 0, 'ephemeral containers are added by their subresource only');
    assert.match(stderr, /pod updates may not change fields/);
    await seat.drop('pods/debugged');
  },
  '-i: input and output; --target sees the processes of the other': async (seat) => {
    await seat.create(pod('debugged-in', 'exec httpd -f -p 8080'));
    await seat.ready('debugged-in');
    const flags = `${image} -i -c asked --target=main --profile=general`;
    const { code, stdout, stderr } = await seat.run(`debug debugged-in ${flags} -- sh`, {
      stdin: 'echo $((6*7)); ps -o args; exit\n',
    });
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^42$/m);
    assert.match(stdout, /^httpd -f -p 8080$/m);
    await seat.drop('pods/debugged-in');
  },
  '--copy-to: another image, another command, a further container': async (seat) => {
    await seat.create(pod('original', patient));
    await seat.ready('original');
    await seat.ok(`debug original --copy-to=copied-image --set-image=main=${images.two}`);
    await seat.holds('pods/copied-image', { 'spec.containers[0].image': images.two });
    await seat.ready('copied-image');
    await seat.says('exec copied-image -- cat /version', '2');
    await seat.ok(
      `debug original --copy-to=copied-more ${image} -c more --share-processes --profile=general -- sh -c '${patient}'`,
    );
    await seat.holds('pods/copied-more', {
      'spec.shareProcessNamespace': true,
      'metadata.labels': undefined,
      'spec.containers[1].name': 'more',
    });
    await seat.ready('copied-more');
    await seat.ok(`debug original --copy-to=copied-command --container=main -- sh -c 'echo other; ${patient}'`);
    await seat.ready('copied-command');
    await seat.says('logs copied-command', 'other');
    await seat.ok(`debug original --copy-to=copied-instead --replace ${image} -c more -- sh -c '${patient}'`);
    await seat.gone('pods/original');
    await seat.drop('pods/copied-image', 'pods/copied-more', 'pods/copied-command', 'pods/copied-instead');
  },
  'a node': async (seat) => {
    const flags = `${image} --profile=general`;
    // It sees the files and the processes of the node: here the hub is one of them.
    const script = `ls -d /host/etc; grep -c -a hub /proc/${seat.hub.pid}/cmdline`;
    const { code, stdout, stderr } = await seat.run(`debug node/${seat.node} ${flags} -- sh -c '${script}'`);
    assert.equal(code, 0, stderr);
    const name = madePod.exec(stdout + stderr)?.[1] ?? '';
    assert.match(name, new RegExp(`^node-debugger-${seat.node}-[a-z0-9]{5}$`));
    await seat.becomes(`pods/${name}`, {
      'status.phase': 'Succeeded',
      'spec.nodeName': seat.node,
      'spec.hostNetwork': true,
      'spec.hostPID': true,
      'spec.volumes[0].hostPath.path': '/',
    });
    await seat.says(`logs ${name}`, '/host/etc\n1');
    await seat.drop(`pods/${name}`);
  },
});

export const runRows: readonly Row[] = [...run, ...debug];
