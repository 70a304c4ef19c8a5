// Links over MQTT 3.1.1 and TLS (mqtt.js). The hub is known by its CA and by
// the purpose of its certificate, not by a name: addresses of hubs change.
import { createHash } from 'node:crypto';
import { connect, type IClientOptions, type MqttClient } from 'mqtt';
import type { Link } from '../../api/wire/link.ts';
import { aliveTopic, deviceUserName, downTopic, joinUserName, probeTopic, upTopic } from '../../api/wire/topics.ts';
import { readPeerChain } from '../../platform/net.ts';
import type { Identity } from '../state/identity.ts';
import { RefusedError } from './connector.ts';
import { connectTimeoutMs, mqttsPort } from './limits.ts';

/** CONNACK return codes, MQTT 3.1.1 section 3.2.2.3. */
const refusals: Record<number, string> = {
  2: 'another agent with this identity is connected: this one waits until it is gone',
  4: 'the hub does not know this agent any more',
  5: 'the hub refuses this agent: its certificate or token is not valid',
};

class MqttLink implements Link {
  #client: MqttClient;
  #name: string;
  #closed = new AbortController();
  #listener: ((frame: Uint8Array) => void) | undefined;
  #early: Uint8Array[] = [];

  constructor(name: string, client: MqttClient) {
    this.#name = name;
    this.#client = client;
    client.on('message', (topic, payload) => {
      if (topic === probeTopic(name)) client.publish(aliveTopic(name), payload, { qos: 0 });
      else if (topic === downTopic(name)) this.#receive(payload);
    });
    client.on('close', () => this.#end('the connection was closed'));
    client.on('error', (error) => this.#end(error.message));
  }

  get closed(): AbortSignal {
    return this.#closed.signal;
  }

  send(frame: Uint8Array): void {
    if (!this.#closed.signal.aborted) this.#client.publish(upTopic(this.#name), Buffer.from(frame), { qos: 0 });
  }

  onFrame(listener: (frame: Uint8Array) => void): void {
    this.#listener = listener;
    for (const frame of this.#early.splice(0)) listener(frame);
  }

  close(reason: string): void {
    this.#end(reason);
  }

  #receive(frame: Uint8Array): void {
    if (this.#listener === undefined) this.#early.push(frame);
    else this.#listener(frame);
  }

  #end(reason: string): void {
    if (this.#closed.signal.aborted) return;
    this.#closed.abort(reason);
    this.#client.end(true);
  }
}

/** mqtt.js hands its options on to tls.connect, which knows checkServerIdentity. */
type Credentials = Pick<IClientOptions, 'cert' | 'key' | 'ca' | 'username' | 'password' | 'rejectUnauthorized'> & {
  checkServerIdentity: () => undefined;
};

function open(
  hubUrl: string,
  name: string,
  clientId: string,
  keepaliveSeconds: number,
  credentials: Credentials,
  signal: AbortSignal,
): Promise<MqttLink> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(hubUrl);
    // Not the URL itself: mqtt.js would read it with a parser that Node warns of.
    const client = connect({
      protocol: 'mqtts',
      host: hostname.replace(/^\[|\]$/g, ''),
      port: port === '' ? mqttsPort : Number(port),
      ...credentials,
      clientId,
      keepalive: keepaliveSeconds,
      reschedulePings: true,
      protocolVersion: 4,
      clean: true,
      reconnectPeriod: 0,
      connectTimeout: connectTimeoutMs,
      resubscribe: false,
      queueQoSZero: false,
    });
    const stop = (): void => fail(new Error('the agent is stopping'));
    const fail = (error: Error): void => {
      signal.removeEventListener('abort', stop);
      client.end(true);
      reject(error);
    };
    signal.addEventListener('abort', stop, { once: true });
    const onError = (error: Error): void => {
      const code = (error as Error & { code?: number | string }).code;
      const refusal = typeof code === 'number' ? refusals[code] : undefined;
      fail(refusal === undefined ? error : new RefusedError(refusal, { cause: error }));
    };
    client.once('error', onError);
    client.once('close', () => fail(new Error('the connection was closed before it was open')));
    client.once('connect', () => {
      const link = new MqttLink(name, client);
      client.subscribe([downTopic(name), probeTopic(name)], { qos: 0 }, (error) => {
        if (error) {
          fail(error);
          return;
        }
        // The link listens for itself by now: its reason to close is the error.
        client.off('error', onError);
        signal.removeEventListener('abort', stop);
        signal.addEventListener('abort', () => link.close('the agent is stopping'), { once: true });
        resolve(link);
      });
    });
  });
}

/** Opens the link of a node that has joined. @throws RefusedError, or what the network says */
export function openNodeLink(
  identity: Identity,
  processNonce: string,
  keepaliveSeconds: number,
  signal: AbortSignal,
): Promise<Link> {
  const { nodeName, hubUrl, certificate, key, authority, hardwareId } = identity;
  const credentials: Credentials = {
    cert: certificate,
    key,
    ca: authority,
    rejectUnauthorized: true,
    checkServerIdentity: () => undefined,
    ...(hardwareId === undefined ? {} : { username: deviceUserName(hardwareId) }),
  };
  return open(hubUrl, nodeName, `${nodeName}/${processNonce}`, keepaliveSeconds, credentials, signal);
}

export type JoinLinkOptions = {
  hubUrl: string;
  tokenId: string;
  secret: string;
  authorityFingerprint: string;
  processNonce: string;
};

/**
 * Opens a link with a join token. The hub proves itself before the secret is sent:
 * its chain must end in the CA that the token names.
 */
export function openJoinLink(
  { hubUrl, tokenId, secret, authorityFingerprint, processNonce }: JoinLinkOptions,
  signal: AbortSignal,
): Promise<Link> {
  const url = new URL(hubUrl);
  return pinAuthority(url, authorityFingerprint).then((authority) => {
    const credentials: Credentials = {
      ca: authority,
      rejectUnauthorized: true,
      checkServerIdentity: () => undefined,
      username: joinUserName(tokenId),
      password: secret,
    };
    const clientId = `join-${processNonce}`;
    return open(hubUrl, `join-${clientId}`, clientId, 30, credentials, signal);
  });
}

/** The CA's certificate (PEM) from the hub's chain, when it is the one that the token names. @throws RefusedError */
async function pinAuthority(url: URL, fingerprint: string): Promise<string> {
  const port = Number(url.port === '' ? 8883 : url.port);
  const chain = await readPeerChain(url.hostname.replace(/^\[|\]$/g, ''), port, connectTimeoutMs);
  const found = chain.find((certificate) => createHash('sha256').update(certificate).digest('hex') === fingerprint);
  if (found === undefined)
    throw new RefusedError('the hub is not the one that the token is for: its CA has another fingerprint');
  return `-----BEGIN CERTIFICATE-----\n${found.toString('base64').replace(/.{64}/g, '$&\n')}\n-----END CERTIFICATE-----\n`;
}
