// Rows of what tells about the server and about kubectl itself: api-resources,
// api-versions, cluster-info, completion, explain, kuberc, options, plugin, version.
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fieldOf, type Thing } from '../../support/things.ts';
import { type Row, rowsOf } from './row.ts';
import type { Seat } from './seat.ts';
import { configMap } from './things.ts';

type Resource = { name: string; namespaced: boolean; verbs: string[] };

/** Group versions of the API, the preferred one of each group first, as discovery has them. */
async function groupVersions(seat: Seat): Promise<{ preferred: string[]; all: string[] }> {
  const { groups } = await seat.hub.get<{
    groups: { preferredVersion: { groupVersion: string }; versions: { groupVersion: string }[] }[];
  }>('/apis');
  const all = groups.flatMap(({ versions }) => versions.map(({ groupVersion }) => groupVersion));
  return {
    preferred: ['v1', ...groups.map(({ preferredVersion }) => preferredVersion.groupVersion)],
    all: ['v1', ...all].sort(),
  };
}

/** NAME.GROUP of the resources of the preferred versions that fit. */
async function resources(seat: Seat, fits: (resource: Resource) => boolean): Promise<string[]> {
  const names: string[] = [];
  for (const groupVersion of (await groupVersions(seat)).preferred) {
    const path = groupVersion === 'v1' ? '/api/v1' : `/apis/${groupVersion}`;
    const list = await seat.hub.get<{ resources: Resource[] }>(path);
    const suffix = groupVersion === 'v1' ? '' : `.${groupVersion.split('/')[0]}`;
    const found = list.resources.filter((resource) => !resource.name.includes('/') && fits(resource));
    names.push(...found.map(({ name }) => `${name}${suffix}`));
  }
  return names.sort();
}

const discovery = [
  ...rowsOf('api-resources', {
    'all that discovery has': async (seat) => {
      const shown = (await seat.ok('api-resources -o name')).split('\n').sort();
      assert.deepEqual(shown, await resources(seat, ({ verbs }) => verbs.length > 0));
      for (const name of ['pods', 'deployments.apps', 'jobs.batch', 'roles.rbac.authorization.k8s.io'])
        assert.ok(shown.includes(name), name);
    },
    '--namespaced, --verbs, --api-group, --categories, --sort-by': async (seat) => {
      const names = async (flags: string): Promise<string[]> =>
        (await seat.ok(`api-resources -o name ${flags}`)).split('\n').sort();
      assert.deepEqual(await names('--namespaced=false'), await resources(seat, (item) => !item.namespaced));
      const patched = await names('--verbs=list,patch');
      assert.deepEqual(
        patched,
        await resources(seat, ({ verbs }) => verbs.includes('list') && verbs.includes('patch')),
      );
      assert.deepEqual(await names('--api-group=batch'), ['cronjobs.batch', 'jobs.batch']);
      const workloads = await names('--categories=all');
      for (const name of ['pods', 'services', 'replicasets.apps', 'jobs.batch'])
        assert.ok(workloads.includes(name), name);
      await seat.says(
        'api-resources --api-group=apps --sort-by=kind --no-headers',
        /^controllerrevisions .*\ndaemonsets +ds +apps\/v1 +true +DaemonSet\n/,
      );
      await seat.says(
        'api-resources --api-group=apps -o wide',
        /^deployments +deploy +apps\/v1 +true +Deployment +create,delete,deletecollection,get,list,patch,update,watch +all$/m,
      );
    },
  }),
  ...rowsOf('api-versions', {
    'all that discovery has': async (seat) => {
      const shown = (await seat.ok('api-versions')).split('\n').sort();
      assert.deepEqual(shown, (await groupVersions(seat)).all);
      for (const name of ['v1', 'apps/v1', 'autoscaling/v1', 'autoscaling/v2', 'batch/v1', 'policy/v1'])
        assert.ok(shown.includes(name), name);
    },
  }),
];

const info = [
  ...rowsOf('cluster-info', {
    'where the control plane is': async (seat) => {
      // biome-ignore lint/suspicious/noControlCharactersInRegex: kubectl colours what it prints, on a terminal or not.
      const plain = (await seat.ok('cluster-info')).replaceAll(/\u001b\[[0-9;]*m/g, '');
      assert.match(plain, /^Kubernetes control plane is running at https:\/\/\S+\n/);
      assert.ok(plain.includes(seat.hub.httpsUrl), plain);
    },
  }),
  ...rowsOf('cluster-info dump', {
    'objects and logs of a namespace as files': async (seat) => {
      await seat.target();
      await seat.ok(`cluster-info dump --namespaces=${seat.namespace} --output-directory=dump -o json`);
      const directory = join(seat.kube.home, 'dump', seat.namespace);
      const names = (await readdir(directory)).filter((name) => name.endsWith('.json')).sort();
      assert.deepEqual(names, [
        ...['daemonsets.json', 'deployments.json', 'events.json', 'pods.json', 'replicasets.json'],
        ...['replication-controllers.json', 'services.json'],
      ]);
      const pods = JSON.parse(await readFile(join(directory, 'pods.json'), 'utf8')) as Thing;
      const found = (pods.items as Thing[]).map((pod) => fieldOf(pod, 'metadata.name'));
      assert.ok(found.includes('target'), found.join());
      const logs = await readFile(join(directory, 'target/logs.txt'), 'utf8');
      assert.match(logs, /^==== START logs for container main of pod .*\/target ====\none\ntwo\nthree\n/m);
      const nodes = JSON.parse(await readFile(join(seat.kube.home, 'dump/nodes.json'), 'utf8')) as Thing;
      assert.equal(fieldOf(nodes, 'items[0].metadata.name'), seat.node);
    },
  }),
  ...rowsOf('version', {
    'of client and server': async (seat) => {
      const { clientVersion, serverVersion, kustomizeVersion } = JSON.parse(await seat.ok('version -o json')) as {
        [name: string]: { major: string; minor: string; gitVersion: string };
      };
      assert.equal(`${clientVersion?.major}.${clientVersion?.minor}`, seat.version);
      assert.ok(kustomizeVersion);
      const served = await seat.hub.get<Thing>('/version');
      assert.deepEqual(serverVersion, served);
      assert.match(String(served.gitVersion), new RegExp(`^v${served.major}\\.${served.minor}\\.\\d+`));
      await seat.says(
        'version',
        new RegExp(`^Server Version: ${String(served.gitVersion).replaceAll('+', '\\+')}$`, 'm'),
      );
      await seat.says('version --client -o yaml', /^clientVersion:\n/);
    },
  }),
];

const explain = rowsOf('explain', {
  'kinds and fields with their types': async (seat) => {
    await seat.says(
      'explain pods',
      /^KIND: +Pod\nVERSION: +v1\n\nDESCRIPTION:\n[\s\S]*\nFIELDS:\n {2}apiVersion\t<string>\n/,
    );
    await seat.says(
      'explain deployments.spec.replicas',
      /^GROUP: +apps\nKIND: +Deployment\nVERSION: +v1\n\nFIELD: replicas <integer>\n/,
    );
    await seat.says(
      'explain pod.spec.containers',
      /^FIELD: containers <\[\]Container>\n[\s\S]*^ {2}name\t<string> -required-$/m,
    );
    await seat.says('explain job.spec.template.spec.restartPolicy', /^FIELD: restartPolicy <string>$/m);
    await seat.says('explain role.rules', /^ {2}verbs\t<\[\]string> -required-$/m);
    await seat.says('explain netpol.spec.ingress.from.ipBlock', /^ {2}cidr\t<string> -required-$/m);
    await seat.says('explain netpol.spec.ingress.from.ipBlock.cidr', /^FIELD: cidr <string>$/m);
    await seat.refuses('explain pod.spec.colour', /field "colour" does not exist/);
  },
  '--api-version': async (seat) => {
    const cpu = 'explain hpa.spec.targetCPUUtilizationPercentage';
    await seat.says(`${cpu} --api-version=autoscaling/v1`, /^VERSION: +v1\n[\s\S]*<integer>/m);
    await seat.refuses(`${cpu} --api-version=autoscaling/v2`, /does not exist/);
  },
  '--recursive': async (seat) => {
    const text = await seat.ok('explain deployment --recursive');
    for (const line of [
      /^ {2}spec\t<DeploymentSpec>$/m,
      /^ {4}template\t<PodTemplateSpec> -required-$/m,
      /^ {10}image\t<string>$/m,
    ])
      assert.match(text, line);
  },
  'kinds and fields have descriptions': async (seat) => {
    await seat.says('explain pods', /^DESCRIPTION:\n {4}Pod is a collection of containers/m);
    await seat.says('explain deployment.spec.replicas', /^DESCRIPTION:\n {4}\w+[^\n]+pods/m);
  },
  '--output=plaintext-openapiv2': async (seat) => {
    const form = '--output=plaintext-openapiv2';
    await seat.says(
      `explain pods.spec ${form}`,
      /^KIND: +Pod\nVERSION: +v1\n\nRESOURCE: spec <Object>\n[\s\S]*^ {3}containers\t<\[\]Object> -required-$/m,
    );
    await seat.says(`explain deployments --recursive ${form}`, /^ {3}spec\t<Object>\n {6}minReadySeconds\t<integer>$/m);
  },
});

const itself = [
  ...rowsOf('completion', {
    'scripts, and names that the server has': async (seat) => {
      for (const [name, line] of [
        ['bash', /^# bash completion V2 for kubectl/m],
        ['fish', /^# fish completion for kubectl/m],
        ['powershell', /^# powershell completion for kubectl/m],
        ['zsh', /^#compdef kubectl$/m],
      ] as const)
        await seat.says(`completion ${name}`, line);
      await seat.create(configMap('complete-me'));
      await seat.says('__complete get configmaps compl', /^complete-me\n:4$/m);
      const name = await seat.target();
      await seat.says(`__complete logs ${name} ''`, /^main\nside\n/m);
    },
  }),
  ...rowsOf('options', {
    'of all commands': async (seat) => {
      await seat.says('options', /^The following options can be passed to any command:\n[\s\S]*^ {4}--kubeconfig=''/m);
    },
  }),
  ...rowsOf('plugin list', {
    'programs in the path, which run as subcommands': async (seat) => {
      const script = '#!/bin/sh\necho "plugged $KUBECONFIG $@"\n';
      const file = await seat.kube.file('plugins/kubectl-plug_in', script, 0o755);
      const env = { PATH: `/usr/bin:/bin:${join(seat.kube.home, 'plugins')}` };
      await seat.says('plugin list', `The following compatible plugins are available:\n\n${file}`, { env });
      await seat.says('plug-in a b', `plugged ${seat.kube.kubeconfig} a b`, { env });
    },
  }),
  ...rowsOf(
    'kuberc',
    {
      'set and view; get follows the defaults': async (seat) => {
        const file = join(seat.kube.home, 'kuberc-of-test');
        const kuberc = seat.since('1.36') ? 'kuberc' : 'alpha kuberc';
        const env = { KUBECTL_KUBERC: 'true' };
        await seat.kube.file('kuberc-of-test', 'apiVersion: kubectl.config.k8s.io/v1beta1\nkind: Preference\n');
        await seat.ok(`${kuberc} set --section defaults --command get --option output=name --kuberc ${file}`, { env });
        await seat.ok(
          `${kuberc} set --section aliases --name maps --command get --appendarg configmaps --kuberc ${file}`,
          { env },
        );
        const shown = /command: get[\s\S]*name: output/;
        await seat.says(`${kuberc} view --kuberc ${file}`, shown, { env });
        await seat.create(configMap('by-default'));
        await seat.says(`get cm by-default --kuberc ${file}`, 'configmap/by-default', { env });
        await seat.says(`maps --kuberc ${file} -o name`, /^configmap\/by-default$/m, { env });
      },
    },
    { since: '1.35' },
  ),
];

export const serverRows: readonly Row[] = [...discovery, ...info, ...explain, ...itself];
