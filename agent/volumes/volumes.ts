// A pod's volumes as directories of the device: emptyDir, hostPath, and files
// from ConfigMaps and Secrets, which follow their source while the pod runs.
// https://kubernetes.io/docs/concepts/storage/volumes/
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { ConfigMap, Container, Pod } from '../../api/meta/kubernetes.ts';
import type { KubeObject } from '../../api/meta/object.ts';
import type { Disk } from '../../platform/disk.ts';

type Volume = NonNullable<NonNullable<Pod['spec']>['volumes']>[number];
type Item = { key: string; path: string; mode?: number };

/** Why a volume can't be had now; the pod waits and the message is shown. */
export class VolumeError extends Error {}

export type VolumesParts = {
  disk: Disk;
  /** ConfigMaps and Secrets of the slice, by `configmaps/NAMESPACE/NAME`. */
  find: (key: string) => KubeObject | undefined;
};
export type BoundMount = { hostPath: string; containerPath: string; readOnly: boolean };

export class Volumes {
  #directory: string;
  #parts: VolumesParts;

  constructor(options: { directory: string }, parts: VolumesParts) {
    this.#directory = join(options.directory, 'pods');
    this.#parts = parts;
  }

  /** Brings all volumes of a pod into place, writing only what changed. @throws VolumeError */
  async prepare(pod: Pod): Promise<void> {
    for (const volume of pod.spec?.volumes ?? []) {
      const path = this.#path(pod, volume.name);
      if (volume.emptyDir !== undefined) await this.#prepareEmptyDirectory(volume, path);
      else if (volume.hostPath !== undefined) await this.#prepareHostPath(volume);
      else await this.#writeFiles(path, this.#filesOf(pod, volume));
    }
  }

  /** The mounts of a container whose pod's volumes are in place. @throws VolumeError */
  mountsOf(pod: Pod, container: Container): BoundMount[] {
    return (container.volumeMounts ?? []).map((mount) => {
      const volume = (pod.spec?.volumes ?? []).find((candidate) => candidate.name === mount.name);
      if (volume === undefined) throw new VolumeError(`volume ${mount.name} is not defined in the pod`);
      const isFiles = volume.configMap !== undefined || volume.secret !== undefined;
      const base = volume.hostPath?.path ?? this.#path(pod, mount.name);
      // Files of a subPath do not follow their source, as in Kubernetes.
      const root = isFiles && mount.subPath ? join(base, '..data') : base;
      return {
        hostPath: mount.subPath ? join(root, mount.subPath) : base,
        containerPath: mount.mountPath,
        readOnly: mount.readOnly === true || isFiles,
      };
    });
  }

  /** Directories that subPath mounts need in an emptyDir. */
  async prepareSubPaths(pod: Pod, container: Container): Promise<void> {
    for (const mount of container.volumeMounts ?? []) {
      const volume = (pod.spec?.volumes ?? []).find((candidate) => candidate.name === mount.name);
      if (mount.subPath && volume?.emptyDir !== undefined) {
        await this.#parts.disk.makeDirectory(join(this.#path(pod, mount.name), mount.subPath), { mode: 0o777 });
      }
    }
  }

  /** Removes everything kept for a pod. */
  async remove(podUid: string): Promise<void> {
    await this.#parts.disk.remove(join(this.#directory, podUid));
  }

  /** Uids of pods that have something here. */
  podUids(): Promise<string[]> {
    return this.#parts.disk.list(this.#directory);
  }

  #path(pod: Pod, volumeName: string): string {
    return join(this.#directory, pod.metadata.uid ?? '', 'volumes', volumeName);
  }

  async #prepareEmptyDirectory(volume: Volume, path: string): Promise<void> {
    if (volume.emptyDir?.medium)
      throw new VolumeError(
        `volume ${volume.name}: emptyDir.medium ${volume.emptyDir.medium} is not built yet, leave it empty`,
      );
    await this.#parts.disk.makeDirectory(path, { mode: 0o777 });
  }

  async #prepareHostPath(volume: Volume): Promise<void> {
    const { path = '', type = '' } = volume.hostPath ?? {};
    if (type === 'DirectoryOrCreate') await this.#parts.disk.makeDirectory(path, { mode: 0o755 });
    else if (type === 'FileOrCreate' && (await this.#parts.disk.kind(path)) === undefined)
      await this.#parts.disk.write(path, '', { mode: 0o644 });
    const kind = await this.#parts.disk.kind(path);
    const wanted: Record<string, string> = {
      Directory: 'directory',
      DirectoryOrCreate: 'directory',
      File: 'file',
      FileOrCreate: 'file',
      Socket: 'socket',
      CharDevice: 'device',
      BlockDevice: 'device',
    };
    if (kind === undefined) throw new VolumeError(`volume ${volume.name}: hostPath ${path} does not exist`);
    if (wanted[type] !== undefined && wanted[type] !== kind)
      throw new VolumeError(`volume ${volume.name}: hostPath ${path} is a ${kind}, expected ${type}`);
  }

  #filesOf(pod: Pod, volume: Volume): Map<string, { content: Buffer; mode: number }> {
    const { configMap, secret } = volume;
    if (configMap === undefined && secret === undefined) {
      const kind = Object.keys(volume).find((key) => key !== 'name') ?? 'unknown';
      throw new VolumeError(`volume ${volume.name}: volumes of type ${kind} are not built yet`);
    }
    const source = configMap ?? secret;
    const name = configMap?.name ?? secret?.secretName ?? '';
    const key = `${configMap === undefined ? 'secrets' : 'configmaps'}/${pod.metadata.namespace}/${name}`;
    const object = this.#parts.find(key);
    const files = new Map<string, { content: Buffer; mode: number }>();
    if (object === undefined) {
      if (source?.optional === true) return files;
      throw new VolumeError(
        `volume ${volume.name}: ${configMap === undefined ? 'secret' : 'configmap'} ${JSON.stringify(name)} not found`,
      );
    }
    const data = dataOf(object);
    const items: Item[] =
      (source?.items as Item[] | undefined) ?? [...data.keys()].map((dataKey) => ({ key: dataKey, path: dataKey }));
    for (const item of items) {
      const content = data.get(item.key);
      if (content === undefined) {
        if (source?.optional === true) continue;
        throw new VolumeError(`volume ${volume.name}: references non-existent key ${item.key} of ${name}`);
      }
      if (item.path.startsWith('/') || item.path.split('/').includes('..'))
        throw new VolumeError(`volume ${volume.name}: path ${item.path} must stay inside the volume`);
      files.set(item.path, { content, mode: item.mode ?? source?.defaultMode ?? 0o644 });
    }
    return files;
  }

  /**
   * Writes files the way the kubelet does: into a directory of their own, to which the
   * link `..data` is turned in one step, so that a reader never sees half an update.
   */
  async #writeFiles(path: string, files: Map<string, { content: Buffer; mode: number }>): Promise<void> {
    const { disk } = this.#parts;
    await disk.makeDirectory(path, { mode: 0o755 });
    const version = `..${versionOf(files)}`;
    const current = await disk.readLink(join(path, '..data'));
    if (current === version) return;
    for (const [name, { content, mode }] of files) {
      const target = join(path, version, name);
      await disk.makeDirectory(join(target, '..'), { mode: 0o755 });
      await disk.write(target, content, { mode });
    }
    if (files.size === 0) await disk.makeDirectory(join(path, version), { mode: 0o755 });
    await disk.link(join(path, '..data'), version);
    const tops = new Set([...files.keys()].map((name) => name.split('/')[0] ?? ''));
    for (const top of tops) await disk.link(join(path, top), `..data/${top}`);
    for (const name of await disk.list(path)) {
      const isCurrent = name === '..data' || name === version || tops.has(name);
      if (!isCurrent) await disk.remove(join(path, name));
    }
  }
}

/** Keys and contents of a ConfigMap or Secret. */
export function dataOf(object: KubeObject): Map<string, Buffer> {
  const { data = {}, binaryData = {} } = object as ConfigMap;
  const isSecret = 'type' in object;
  const entries = Object.entries(data).map(
    ([key, value]) => [key, Buffer.from(value, isSecret ? 'base64' : 'utf8')] as const,
  );
  return new Map([
    ...entries,
    ...Object.entries(binaryData).map(([key, value]) => [key, Buffer.from(value as string, 'base64')] as const),
  ]);
}

/** A name for the content of all files. */
function versionOf(files: Map<string, { content: Buffer; mode: number }>): string {
  const hash = createHash('sha256');
  for (const [name, { content, mode }] of [...files].sort(([a], [b]) => (a < b ? -1 : 1)))
    hash.update(`${name} ${mode} ${content.length}\n`).update(content);
  return hash.digest('hex').slice(0, 16);
}
