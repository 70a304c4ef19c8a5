// Who this agent is: its node name, its key and certificate, the hub it belongs
// to. Written once when it joins; later starts need neither token nor hub.
import { join } from 'node:path';
import type { Disk } from '../../platform/disk.ts';

export type Identity = {
  nodeName: string;
  /** Marks this data directory's containers and network in an engine that others share. */
  instance: string;
  /** mqtts://HOST:PORT */
  hubUrl: string;
  /** PEM: the node's certificate and key, and the cluster's CA. */
  certificate: string;
  key: string;
  authority: string;
  /** Of a device: the hardware that this was given to. On any other it is a copy, and not to be used. */
  hardwareId?: string;
  /** Of a device: SHA-256 (hex) of the token it was claimed with; another token claims it anew. */
  tokenHash?: string;
};

function pathOf(directory: string): string {
  return join(directory, 'identity.json');
}

/** The identity of a data directory, or undefined when it has not joined. @throws Error when the file is damaged */
export async function loadIdentity(disk: Disk, directory: string): Promise<Identity | undefined> {
  const bytes = await disk.read(pathOf(directory));
  if (bytes === undefined) return undefined;
  try {
    return JSON.parse(Buffer.from(bytes).toString()) as Identity;
  } catch (error) {
    throw new Error(`${pathOf(directory)} is damaged: join again with a token for this node`, { cause: error });
  }
}

export async function saveIdentity(disk: Disk, directory: string, identity: Identity): Promise<void> {
  await disk.makeDirectory(directory);
  await disk.write(pathOf(directory), JSON.stringify(identity));
}

/** Sets the identity aside, for people to look at. Killed anywhere, it can be done again. */
export async function removeIdentity(disk: Disk, directory: string): Promise<void> {
  const bytes = await disk.read(pathOf(directory));
  if (bytes !== undefined) await disk.write(join(directory, 'identity.set-aside.json'), bytes);
  await disk.remove(pathOf(directory));
}
