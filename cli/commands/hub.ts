// skerry hub: runs the control plane.
import { resolve } from 'node:path';
import { type HubMainOptions, startHub } from '../../hub/main.ts';
import { type Command, untilSignalled, version } from '../command.ts';
import { CommandError, UsageError } from '../errors.ts';
import type { OptionSpecs, Options } from '../options.ts';

export const hubOptions: OptionSpecs = {
  'data-dir': { description: 'where the hub keeps its data', value: 'DIR' },
  'bind-address': { description: 'address to listen on; 0.0.0.0 for all', value: 'IP', default: '127.0.0.1' },
  'https-port': { description: 'port of the Kubernetes API; 0 for any free one', value: 'PORT', default: '6443' },
  'mqtt-port': { description: 'port for agents; 0 for any free one', value: 'PORT', default: '8883' },
  'tls-san': {
    description: 'another name or address for the serving certificate; may be repeated',
    value: 'NAME',
    multiple: true,
  },
  'cluster-cidr': {
    description: 'range from which nodes get their pod addresses',
    value: 'CIDR',
    default: '10.128.0.0/9',
  },
  'unreachable-after': {
    description: 'how long a link may be gone before its node is NotReady',
    value: 'DURATION',
    default: '5s',
  },
  'compaction-interval': {
    description: 'history that watches and paged lists can resume from is kept for one to two of these',
    value: 'DURATION',
    default: '5m',
  },
  store: { description: 'nedb, or etcd=URLS (not built yet)', value: 'STORE', default: 'nedb' },
  components: { description: 'run only these components (not built yet)', value: 'LIST' },
  server: { description: 'API server of components that run alone (not built yet)', value: 'URL' },
  'log-level': { description: 'debug, info, warn or error', value: 'LEVEL', default: 'info' },
};

/** @throws UsageError, CommandError naming the option */
export function readHubOptions(options: Options): HubMainOptions {
  const store = options.get('store') ?? 'nedb';
  if (store.startsWith('etcd=')) throw new CommandError('--store etcd=... is not built yet: use nedb');
  if (store !== 'nedb') throw new UsageError(`--store: expected nedb or etcd=URLS, found ${JSON.stringify(store)}`);
  for (const name of ['components', 'server'])
    if (options.get(name) !== undefined) throw new CommandError(`--${name} is not built yet`);
  return {
    version,
    dataDirectory: resolve(options.require('data-dir')),
    bindAddress: options.require('bind-address'),
    httpsPort: options.port('https-port'),
    mqttPort: options.port('mqtt-port'),
    tlsSans: options.all('tls-san'),
    clusterCidr: options.require('cluster-cidr'),
    unreachableAfterMs: options.duration('unreachable-after'),
    compactionIntervalMs: options.duration('compaction-interval'),
    logLevel: options.require('log-level'),
  };
}

export const hubCommand: Command = {
  summary: 'Runs the hub: the Kubernetes API, its controllers and the broker for agents.',
  usage: '--data-dir DIR [options]',
  options: hubOptions,
  run: async (options) => {
    const hub = await startHub(readHubOptions(options));
    process.stdout.write(`skerry hub ready ${hub.httpsUrl} ${hub.mqttUrl}\n`);
    await untilSignalled();
    await hub.stop();
    return 0;
  },
};
