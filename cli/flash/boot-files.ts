// Puts skerry.yaml into an image's boot partition, on a copy of that partition:
// mtools works on the copy, and the blocks that it changed are written over the
// image's own. So the drive itself is written by one hand and verified as a whole.
import { copyFile, mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DeviceConfig, deviceConfigName, readDeviceConfig, writeDeviceConfig } from '../../api/device/config.ts';
import { tryTool } from '../../firmware-images/tools.ts';
import { CommandError } from '../errors.ts';
import { type Image, ImageError } from './image.ts';
import { ImageReader } from './image-reader.ts';
import { chunkBytes, toolTimeoutMs } from './limits.ts';
import { differences, type Overlay } from './overlay.ts';
import type { Span } from './plan.ts';

/** The configuration of whoever runs this is not for boot partitions. */
const mtools = { timeoutMs: toolTimeoutMs, environment: { MTOOLSRC: '/dev/null', MTOOLS_SKIP_CHECK: '1' } };

/** Copies a part of the image into a sparse file. */
async function copyOut(image: Image, { startBytes, bytes }: Span, path: string): Promise<void> {
  const reader = await ImageReader.open(image);
  const file = await open(path, 'w');
  try {
    await file.truncate(bytes);
    const buffer = Buffer.alloc(chunkBytes);
    for (;;) {
      const chunk = await reader.next(buffer);
      if (chunk === undefined || chunk.startBytes >= startBytes + bytes) return;
      const skipped = Math.max(0, startBytes - chunk.startBytes);
      const data = chunk.data.subarray(skipped, startBytes + bytes - chunk.startBytes);
      if (data.length > 0) await file.write(data, 0, data.length, chunk.startBytes + skipped - startBytes);
    }
  } finally {
    await file.close();
    await reader.close();
  }
}

/** Text of a file in a FAT image, or undefined when it is not there. @throws ImageError when it is no FAT */
async function readFatFile(image: string, name: string): Promise<string | undefined> {
  const { code, stdout, stderr } = await tryTool('mtype', ['-i', image, `::${name}`], mtools);
  if (code === 0) return stdout;
  if (/not found|no match/i.test(stderr)) return undefined;
  throw new ImageError(`the boot partition can't be read: ${stderr.trim().split('\n')[0]}`);
}

/** Writes a file into a FAT image, and reads it again. */
async function writeFatFile(image: string, name: string, text: string): Promise<void> {
  const { code, stderr } = await tryTool('mcopy', ['-o', '-i', image, '-', `::${name}`], { ...mtools, input: text });
  if (code !== 0) throw new CommandError(`the boot partition can't be written: ${stderr.trim().split('\n')[0]}`);
  if ((await readFatFile(image, name)) !== text)
    throw new CommandError(`the boot partition does not hold what was written to ${name}`);
}

async function compare(before: string, after: string, span: Span): Promise<Overlay> {
  const overlay: Overlay = [];
  const [old, changed] = [await open(before, 'r'), await open(after, 'r')];
  try {
    const [oldData, newData] = [Buffer.alloc(chunkBytes), Buffer.alloc(chunkBytes)];
    for (let offset = 0; offset < span.bytes; offset += chunkBytes) {
      const bytes = Math.min(chunkBytes, span.bytes - offset);
      await old.read(oldData, 0, bytes, offset);
      await changed.read(newData, 0, bytes, offset);
      overlay.push(...differences(span.startBytes + offset, oldData.subarray(0, bytes), newData.subarray(0, bytes)));
    }
  } finally {
    await old.close();
    await changed.close();
  }
  return overlay;
}

/** What is given stands over what the image has; labels are joined. */
function merge(text: string, given: DeviceConfig): DeviceConfig {
  const { config, problems } = readDeviceConfig(text);
  if (problems.length > 0) throw new ImageError(`${deviceConfigName} in the image: ${problems[0]}`);
  const labels = { ...config.labels, ...given.labels };
  return { ...config, ...given, ...(Object.keys(labels).length > 0 && { labels }) };
}

/**
 * What writing this configuration changes in the image.
 * @throws ImageError when the image has no boot partition, or (unless forced) no skerry.yaml that it would replace
 */
export async function configurationOverlay(
  image: Image,
  boot: Span | undefined,
  given: DeviceConfig,
  { force }: { force: boolean },
): Promise<Overlay> {
  if (boot === undefined) throw new ImageError(`${image.path}: has no FAT partition for ${deviceConfigName}`);
  const directory = await mkdtemp(join(tmpdir(), 'skerry-flash-'));
  try {
    const [before, after] = [join(directory, 'before.img'), join(directory, 'after.img')];
    await copyOut(image, boot, before);
    await copyFile(before, after);
    const existing = await readFatFile(after, deviceConfigName);
    if (existing === undefined && !force)
      throw new ImageError(
        `${image.path}: no image of Skerry: there is no ${deviceConfigName} in its boot partition (--force writes one)`,
      );
    await writeFatFile(after, deviceConfigName, writeDeviceConfig(merge(existing ?? '', given)));
    return await compare(before, after, boot);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
