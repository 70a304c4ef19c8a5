// What stands in the file NAME.json beside each image: which board it is for, how
// large it is, what is in it, and the sums by which `verify` and `flash` know it.

/** Boards that images are built for; firmware-images/boards/ has a recipe each. */
export const boardNames = ['qemu-arm64', 'rpi-arm64', 'rpi-armhf', 'generic-arm64', 'generic-amd64'] as const;
export type BoardName = (typeof boardNames)[number];

export type ImageFile = {
  /** Name beside the manifest, without a directory. */
  file: string;
  bytes: number;
  /** Lower case hexadecimal. */
  sha256: string;
};

export type ImagePartition = {
  /** `boot` is the one that holds skerry.yaml. */
  name: string;
  startBytes: number;
  bytes: number;
  fileSystem: 'fat' | 'squashfs' | 'ext4' | 'raw';
};

export type ImageManifest = {
  formatVersion: 1;
  board: BoardName;
  /** Skerry's version. */
  version: string;
  /** RFC 3339, UTC; a device's clock never goes before it. */
  builtAt: string;
  /** The whole disk, as it is written to a card; sparse. */
  image: ImageFile;
  /** The same, compressed with zstd (RFC 8878). */
  compressed?: ImageFile;
  /** The block map of the image, in the format of bmaptool, version 2.0. */
  blockMap: ImageFile;
  partitions: ImagePartition[];
  /** Debian packages in the image. */
  packages: { name: string; version: string; architecture: string }[];
  /** Container images that are loaded at the first start. */
  preloaded: string[];
};
