// Images of containers that come with the firmware: archives of `docker save`, or
// what this machine's engine has under a name.
import { createWriteStream, existsSync } from 'node:fs';
import { get, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';

export type PreloadOptions = {
  /** Paths of archives, or names of images. */
  images: readonly string[];
  /** Where archives of named images are put. */
  directory: string;
  /** Socket of this machine's engine. */
  engineSocket: string;
};

/** Paths of the archives, in order. @throws Error naming an image that can't be had */
export async function preloadArchives({ images, directory, engineSocket }: PreloadOptions): Promise<string[]> {
  const archives: string[] = [];
  for (const [index, image] of images.entries()) {
    if (existsSync(image)) {
      archives.push(image);
      continue;
    }
    const file = join(directory, `preload-${index}.tar`);
    await saveImage(engineSocket, image, file);
    archives.push(file);
  }
  return archives;
}

/** https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Image/operation/ImageGet */
async function saveImage(socketPath: string, image: string, file: string): Promise<void> {
  const answer = await request(socketPath, `/v1.41/images/${encodeURIComponent(image)}/get`).catch((error: Error) => {
    throw new Error(
      `--preload ${image}: is no file, and no container engine answers at ${socketPath}: ${error.message}`,
      {
        cause: error,
      },
    );
  });
  if (answer.statusCode !== 200) {
    answer.resume();
    throw new Error(`--preload ${image}: is no file, and the engine at ${socketPath} has no image of that name`);
  }
  await pipeline(answer, createWriteStream(file));
}

function request(socketPath: string, path: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    get({ socketPath, path }, resolve).once('error', reject);
  });
}
