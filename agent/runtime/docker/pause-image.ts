// The sandbox image, made here so that no registry is needed: one static
// program that sleeps until it is killed. It is so small that its machine code
// is written out: an ELF header and a loop around one system call.
import { fileArchive } from './tar.ts';

/** System call loops, by GOARCH: wait for a signal, for ever. */
const programs: Record<string, { machine: number; bits: 32 | 64; code: number[] }> = {
  // mov eax, 34 (pause); syscall; jmp back
  amd64: { machine: 62, bits: 64, code: [0xb8, 0x22, 0, 0, 0, 0x0f, 0x05, 0xeb, 0xf7] },
  // x0..x3 = 0; x8 = 73 (ppoll); svc 0; b back
  arm64: {
    machine: 183,
    bits: 64,
    code: [
      0, 0, 0x80, 0xd2, 1, 0, 0x80, 0xd2, 2, 0, 0x80, 0xd2, 3, 0, 0x80, 0xd2, 0x28, 0x09, 0x80, 0xd2, 1, 0, 0, 0xd4,
      0xfa, 0xff, 0xff, 0x17,
    ],
  },
  // r7 = 29 (pause); svc 0; b back
  arm: { machine: 40, bits: 32, code: [0x1d, 0x70, 0xa0, 0xe3, 0, 0, 0, 0xef, 0xfc, 0xff, 0xff, 0xea] },
};

/** A static ELF executable with one loadable segment; see elf(5). */
function pauseProgram(architecture: string): Buffer {
  const program = programs[architecture];
  if (program === undefined)
    throw new Error(`no sandbox program for ${architecture}: expected one of ${Object.keys(programs).join(', ')}`);
  const { machine, bits, code } = program;
  const is64 = bits === 64;
  const headerSize = is64 ? 64 : 52;
  const programHeaderSize = is64 ? 56 : 32;
  const codeOffset = headerSize + programHeaderSize;
  const base = is64 ? 0x400000 : 0x10000;
  const size = codeOffset + code.length;
  const elf = Buffer.alloc(size);
  elf.set([0x7f, 0x45, 0x4c, 0x46, is64 ? 2 : 1, 1, 1]);
  elf.writeUInt16LE(2, 16); // ET_EXEC
  elf.writeUInt16LE(machine, 18);
  elf.writeUInt32LE(1, 20);
  if (is64) {
    elf.writeBigUInt64LE(BigInt(base + codeOffset), 24); // entry
    elf.writeBigUInt64LE(BigInt(headerSize), 32); // program headers
    elf.writeUInt16LE(headerSize, 52);
    elf.writeUInt16LE(programHeaderSize, 54);
    elf.writeUInt16LE(1, 56);
    elf.writeUInt32LE(1, 64); // PT_LOAD
    elf.writeUInt32LE(5, 68); // readable, executable
    for (const [offset, value] of [
      [72, 0],
      [80, base],
      [88, base],
      [96, size],
      [104, size],
      [112, 0x10000],
    ] as const)
      elf.writeBigUInt64LE(BigInt(value), offset);
  } else {
    elf.writeUInt32LE(base + codeOffset, 24);
    elf.writeUInt32LE(headerSize, 28);
    elf.writeUInt32LE(0x05000400, 36); // EABI version 5, hard float
    elf.writeUInt16LE(headerSize, 40);
    elf.writeUInt16LE(programHeaderSize, 42);
    elf.writeUInt16LE(1, 44);
    for (const [offset, value] of [
      [52, 1],
      [56, 0],
      [60, base],
      [64, base],
      [68, size],
      [72, size],
      [76, 5],
      [80, 0x10000],
    ] as const)
      elf.writeUInt32LE(value, offset);
  }
  elf.set(code, codeOffset);
  return elf;
}

export const pauseImage = 'skerry/pause:1';

/** The image's file system as a tar archive, for `docker import`. */
export function pauseImageTar(architecture: string): Buffer {
  return fileArchive([{ name: 'pause', content: pauseProgram(architecture), mode: 0o755 }]);
}
