// The disk of a device: the image as `skerry flash` writes it to a card, with the
// device's configuration in it, in a file as large as a card.
import { once } from 'node:events';
import { truncate } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { DeviceConfig } from '../../api/device/config.ts';
import { listManifests } from '../../firmware-images/inspect.ts';
import type { BoardName } from '../../firmware-images/manifest.ts';
import { CommandError } from '../errors.ts';
import { configurationOverlay } from '../flash/boot-files.ts';
import { boardProblem } from '../flash/configuration.ts';
import { flash } from '../flash/flash.ts';
import { bootPartition, checkPartitions, type Image, openImage } from '../flash/image.ts';
import { readStart } from '../flash/image-reader.ts';
import { headBytes } from '../flash/limits.ts';
import { readPartitionTable } from '../flash/partition-table.ts';
import { Progress } from '../flash/progress.ts';
import { openFile } from '../flash/target.ts';

/** The image of a board that `skerry image build` has put into a directory. @throws CommandError when there is none */
export function findImage(directory: string, board: BoardName): string {
  const found = listManifests(directory).filter((manifest) => manifest.board === board);
  const newest = found.sort((a, b) => b.builtAt.localeCompare(a.builtAt))[0];
  if (newest !== undefined) return join(directory, newest.image.file);
  throw new CommandError(
    `no image for ${board} in ${directory}: skerry image build --board ${board}, or name one with --image`,
  );
}

/** @throws ImageError; CommandError when the image is for another board */
export async function openRigImage(path: string, board: BoardName): Promise<Image> {
  const image = await openImage(path);
  const problem = boardProblem(board, undefined, image.manifest?.board);
  if (problem !== undefined) throw new CommandError(problem);
  return image;
}

/** Writes and verifies the disk of one device. @throws ImageError, TargetError */
export async function makeDisk(image: Image, config: DeviceConfig, path: string, bytes: number): Promise<void> {
  if (image.bytes > bytes) throw new CommandError(`--disk: the image ${image.path} is larger`);
  const table = readPartitionTable(await readStart(image, headBytes));
  checkPartitions(image, table);
  const overlay = await configurationOverlay(image, bootPartition(image, table), config, { force: false });
  const target = await openFile(path, image.bytes);
  const progress = new Progress({ write: () => undefined });
  const [outcome] = await flash([target], { image, overlay, progress, signal: new AbortController().signal });
  if (outcome?.error !== undefined) throw outcome.error;
  await truncate(path, bytes);
}

/** Ports of loopback that nothing listens on, all different. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => {
    const address = server.address();
    return address === null || typeof address === 'string' ? 0 : address.port;
  });
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
