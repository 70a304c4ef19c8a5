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

function asidePathOf(directory: string): string {
  return join(directory, 'identity.set-aside.json');
}

/** Sets the identity aside: it is not used again, but tells what is to be cleaned up. Can be done again after a kill. */
export async function setIdentityAside(disk: Disk, directory: string): Promise<void> {
  const bytes = await disk.read(pathOf(directory));
  if (bytes !== undefined) await disk.write(asidePathOf(directory), bytes);
  await disk.remove(pathOf(directory));
}

/** The identity that was set aside, if there is one that can be read. */
export async function loadIdentityAside(disk: Disk, directory: string): Promise<Identity | undefined> {
  try {
    const bytes = await disk.read(asidePathOf(directory));
    return bytes === undefined ? undefined : (JSON.parse(Buffer.from(bytes).toString()) as Identity);
  } catch {
    return undefined;
  }
}

/** Nothing is left of the identity that was set aside. */
export async function forgetIdentityAside(disk: Disk, directory: string): Promise<void> {
  await disk.remove(asidePathOf(directory));
}
