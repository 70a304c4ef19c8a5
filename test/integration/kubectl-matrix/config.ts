// Rows of config: kubeconfig files, which kubectl changes by itself, and that
// what it wrote is good to reach the hub with.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { fieldOf } from '../../support/things.ts';
import { type Row, rowsOf } from './row.ts';
import type { Seat } from './seat.ts';

const sample = `apiVersion: v1
kind: Config
current-context: one
clusters: [{name: isle, cluster: {server: "https://127.0.0.1:1"}}, {name: reef, cluster: {server: "https://127.0.0.1:2"}}]
users: [{name: ann, user: {token: hush}}, {name: ben, user: {token: hush}}]
contexts: [{name: one, context: {cluster: isle, user: ann}}, {name: two, context: {cluster: reef, user: ben, namespace: sea}}]
`;

type Sample = {
  /** Runs kubectl config on the file; resolves with its stdout. */
  config: (line: string) => Promise<string>;
  read: () => Promise<unknown>;
  path: string;
};

/** A kubeconfig of its own for a row. */
async function kubeconfig(seat: Seat, name: string): Promise<Sample> {
  const path = await seat.kube.file(`kubeconfigs/${name}`, sample);
  return {
    path,
    config: (line) => seat.ok(`config ${line} --kubeconfig ${path}`),
    read: async () => parse(await readFile(path, 'utf8')) as unknown,
  };
}

const reading = [
  ...rowsOf('config current-context', {
    'its name': async (seat) => {
      assert.equal(await (await kubeconfig(seat, 'current')).config('current-context'), 'one');
    },
  }),
  ...rowsOf('config get-clusters', {
    'their names': async (seat) => {
      const names = await (await kubeconfig(seat, 'clusters')).config('get-clusters');
      assert.deepEqual(names.split('\n').sort(), ['NAME', 'isle', 'reef']);
    },
  }),
  ...rowsOf('config get-contexts', {
    'as a table, by name, -o name': async (seat) => {
      const { config } = await kubeconfig(seat, 'contexts');
      const rows = (await config('get-contexts')).split('\n').map((line) => line.trimEnd().split(/ +/));
      assert.deepEqual(rows, [
        ['CURRENT', 'NAME', 'CLUSTER', 'AUTHINFO', 'NAMESPACE'],
        ['*', 'one', 'isle', 'ann'],
        ['', 'two', 'reef', 'ben', 'sea'],
      ]);
      assert.equal(await config('get-contexts -o name'), 'one\ntwo');
      assert.match(await config('get-contexts two --no-headers'), /^ +two +reef +ben +sea$/);
    },
  }),
  ...rowsOf('config get-users', {
    'their names': async (seat) => {
      const names = await (await kubeconfig(seat, 'users')).config('get-users');
      assert.deepEqual(names.split('\n').sort(), ['NAME', 'ann', 'ben']);
    },
  }),
  ...rowsOf('config view', {
    'without secrets, --raw, --minify, -o': async (seat) => {
      const { config } = await kubeconfig(seat, 'view');
      assert.match(await config('view'), /^ {4}token: REDACTED$/m);
      assert.match(await config('view --raw'), /^ {4}token: hush$/m);
      assert.equal(await config('view --minify -o jsonpath={.clusters[*].name}'), 'isle');
      assert.equal(await config('view --context=two --minify -o jsonpath={..namespace}'), 'sea');
    },
  }),
];

const changing = [
  ...rowsOf('config delete-cluster', {
    'takes it out of the file': async (seat) => {
      const { config, read, path } = await kubeconfig(seat, 'delete-cluster');
      assert.equal(await config('delete-cluster reef'), `deleted cluster reef from ${path}`);
      assert.equal(fieldOf(await read(), 'clusters[1]'), undefined);
    },
  }),
  ...rowsOf('config delete-context', {
    'takes it out of the file': async (seat) => {
      const { config, read, path } = await kubeconfig(seat, 'delete-context');
      assert.equal(await config('delete-context two'), `deleted context two from ${path}`);
      assert.equal(fieldOf(await read(), 'contexts[1]'), undefined);
    },
  }),
  ...rowsOf('config delete-user', {
    'takes it out of the file': async (seat) => {
      const { config, read, path } = await kubeconfig(seat, 'delete-user');
      assert.equal(await config('delete-user ben'), `deleted user ben from ${path}`);
      assert.equal(fieldOf(await read(), 'users[1]'), undefined);
    },
  }),
  ...rowsOf('config rename-context', {
    'the current one, too': async (seat) => {
      const { config, read } = await kubeconfig(seat, 'rename');
      assert.equal(await config('rename-context one first'), 'Context "one" renamed to "first".');
      assert.equal(fieldOf(await read(), 'current-context'), 'first');
    },
  }),
  ...rowsOf('config set', {
    'a value by its path': async (seat) => {
      const { config, read } = await kubeconfig(seat, 'set');
      assert.equal(
        await config('set clusters.isle.server https://127.0.0.1:3'),
        'Property "clusters.isle.server" set.',
      );
      assert.equal(fieldOf(await read(), 'clusters[0].cluster.server'), 'https://127.0.0.1:3');
    },
  }),
  ...rowsOf('config set-cluster', {
    'server, embedded certificate': async (seat) => {
      const { config, read } = await kubeconfig(seat, 'set-cluster');
      const text = '-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n';
      const file = await seat.kube.file('authority.crt', text);
      const flags = `--server=https://127.0.0.1:4 --certificate-authority=${file} --embed-certs --tls-server-name=isle`;
      assert.equal(await config(`set-cluster new ${flags}`), 'Cluster "new" set.');
      const names = (fieldOf(await read(), 'clusters') as { name: string }[]).map(({ name }) => name);
      const cluster = fieldOf(await read(), `clusters[${names.indexOf('new')}].cluster`);
      assert.deepEqual(cluster, {
        server: 'https://127.0.0.1:4',
        'certificate-authority-data': Buffer.from(text).toString('base64'),
        'tls-server-name': 'isle',
      });
    },
  }),
  ...rowsOf('config set-context', {
    'new, and --current': async (seat) => {
      const { config, read } = await kubeconfig(seat, 'set-context');
      assert.equal(
        await config('set-context three --cluster=isle --user=ben --namespace=x'),
        'Context "three" created.',
      );
      assert.equal(await config('set-context --current --namespace=shore'), 'Context "one" modified.');
      const contexts = fieldOf(await read(), 'contexts') as { name: string; context: object }[];
      const byName = Object.fromEntries(contexts.map(({ name, context }) => [name, context]));
      assert.deepEqual(byName.three, { cluster: 'isle', user: 'ben', namespace: 'x' });
      assert.deepEqual(byName.one, { cluster: 'isle', user: 'ann', namespace: 'shore' });
    },
  }),
  ...rowsOf('config set-credentials', {
    'a token, with which the hub is reached': async (seat) => {
      const { config, path } = await kubeconfig(seat, 'set-credentials');
      const authority = await seat.ok(
        'config view --raw -o jsonpath={.clusters[0].cluster.certificate-authority-data}',
      );
      const file = await seat.kube.file('hub.crt', Buffer.from(authority, 'base64').toString());
      await seat.ok('create serviceaccount credentialed');
      const token = await seat.ok('create token credentialed');
      await config(`set-cluster hub --server=${seat.hub.httpsUrl} --certificate-authority=${file}`);
      assert.equal(await config(`set-credentials robot --token=${token}`), 'User "robot" set.');
      await config('set-context robot --cluster=hub --user=robot');
      await config('use-context robot');
      const name = `system:serviceaccount:${seat.namespace}:credentialed`;
      await seat.says(`auth whoami --kubeconfig ${path} -o jsonpath={.status.userInfo.username}`, name);
    },
  }),
  ...rowsOf('config unset', {
    'a value by its path': async (seat) => {
      const { config, read } = await kubeconfig(seat, 'unset');
      assert.equal(await config('unset contexts.two.namespace'), 'Property "contexts.two.namespace" unset.');
      assert.deepEqual(fieldOf(await read(), 'contexts[1].context'), { cluster: 'reef', user: 'ben' });
    },
  }),
  ...rowsOf('config use-context', {
    'one that is there': async (seat) => {
      const { config, read, path } = await kubeconfig(seat, 'use');
      assert.equal(await config('use-context two'), 'Switched to context "two".');
      assert.equal(fieldOf(await read(), 'current-context'), 'two');
      await seat.refuses(`config use-context none --kubeconfig ${path}`, /no context exists with the name: "none"/);
    },
  }),
];

export const configRows: readonly Row[] = [...reading, ...changing];
