// The boards that images are built for: what differs between them, as data.
import type { BoardName } from './manifest.ts';

/** The names of one processor family, as Debian, Node and the kernel have them. */
export type Architecture = {
  debian: 'arm64' | 'armhf' | 'amd64';
  /** As in the names of Skerry's executables. */
  executable: 'arm64' | 'armv7' | 'x64';
  /** Folder of shared libraries below /usr/lib. */
  triplet: string;
};

const architectures = {
  arm64: { debian: 'arm64', executable: 'arm64', triplet: 'aarch64-linux-gnu' },
  armhf: { debian: 'armhf', executable: 'armv7', triplet: 'arm-linux-gnueabihf' },
  amd64: { debian: 'amd64', executable: 'x64', triplet: 'x86_64-linux-gnu' },
} satisfies Record<string, Architecture>;

/** A PC-like board that starts GRUB from an EFI partition; it counts starts in its environment block. */
export type GrubBoot = {
  kind: 'grub';
  /** Debian package that has GRUB's image, and where in it. */
  package: string;
  image: string;
  /** What UEFI looks for on a disk that it does not know. */
  fileName: string;
};
/** A Raspberry Pi, whose firmware reads the card: a boot partition a slot, and one that says which is started. */
export type PiBoot = {
  kind: 'pi';
  /** Starts a 64-bit kernel. */
  wide: boolean;
  /** Name that the firmware looks for. */
  kernelFile: string;
  /** Whose firmware is on the card: that of models up to 3, of model 4. */
  models: readonly ('older' | 'four')[];
  /** Of the mainline kernel. */
  deviceTrees: readonly string[];
  /** Under names that a firmware looks for beside those of the mainline kernel, which are the values. */
  otherDeviceTrees?: Readonly<Record<string, string>>;
};

export type Board = {
  name: BoardName;
  description: string;
  architecture: Architecture;
  boot: GrubBoot | PiBoot;
  /** Debian's meta package of the kernel. */
  kernel: string;
  /** Where the release's own kernel lacks drivers of the board: the suite of Debian that it is taken from. */
  kernelSuite?: 'trixie-backports';
  /** Beside what every board has. */
  packages: readonly string[];
  kernelArguments: readonly string[];
  /** What the initramfs loads to reach the root partition. */
  initramfsModules: readonly string[];
  /** Folders of kernel modules -> what of them stays. Others stay whole. */
  keptModules: Readonly<Record<string, readonly string[]>>;
  /** What stays of usr/lib/firmware; everything when it is undefined. */
  keptFirmware?: readonly RegExp[];
};

const grubArm64: GrubBoot = {
  kind: 'grub',
  package: 'grub-efi-arm64-unsigned',
  image: 'usr/lib/grub/arm64-efi/monolithic/grubaa64.efi',
  fileName: 'BOOTAA64.EFI',
};
const grubAmd64: GrubBoot = {
  kind: 'grub',
  package: 'grub-efi-amd64-unsigned',
  image: 'usr/lib/grub/x86_64-efi/monolithic/grubx64.efi',
  fileName: 'BOOTX64.EFI',
};

const rootModules = ['squashfs', 'dm-mod', 'dm-verity'];
const virtioModules = ['virtio_pci', 'virtio_blk', 'virtio_rng'];
/** Disks of machines that nobody has seen yet. */
const diskModules = [
  'nvme',
  'ahci',
  'sd_mod',
  'usb-storage',
  'uas',
  'xhci-pci',
  'ehci-pci',
  'mmc_block',
  'sdhci-pci',
  'sdhci-acpi',
];
const wirelessPackages = ['wpasupplicant', 'wireless-regdb'];

/** A device has neither screen nor sound, and is no router of a data center. */
const headless = {
  sound: [],
  'drivers/accel': [],
  'drivers/comedi': [],
  'drivers/dvb': [],
  'drivers/gpu': [],
  'drivers/greybus': [],
  'drivers/infiniband': [],
  'drivers/input': ['evdev.ko'],
  'drivers/isdn': [],
  // Cameras on USB serve more often to measure than to look at.
  'drivers/media': ['usb/uvc'],
  'drivers/staging': [],
  'drivers/target': [],
  'drivers/video': [],
};
/** What a Pi has, or what is plugged into its USB ports. */
const piModules = {
  ...headless,
  'drivers/ata': [],
  'drivers/block': ['loop.ko', 'nbd.ko', 'zram'],
  'drivers/clk': ['bcm', 'clk-rp1.ko'],
  'drivers/crypto': [],
  'drivers/edac': [],
  'drivers/firmware': [],
  'drivers/interconnect': [],
  'drivers/md': ['dm-mod.ko', 'dm-verity.ko', 'dm-crypt.ko', 'dm-thin-pool.ko'],
  'drivers/mmc': ['host/bcm2835.ko', 'host/sdhci-iproc.ko', 'host/sdhci-brcmstb.ko', 'core'],
  'drivers/net/can': [],
  'drivers/net/ethernet': ['broadcom/genet', 'cadence/macb.ko'],
  'drivers/net/wireless': ['broadcom/brcm80211'],
  'drivers/net/wwan': [],
  'drivers/nvme': ['host/nvme.ko'],
  'drivers/remoteproc': [],
  'drivers/rpmsg': [],
  'drivers/scsi': ['sd_mod.ko', 'sg.ko'],
  'drivers/soc': ['bcm'],
  'drivers/soundwire': [],
};
/** Chips of models 3, 3+, 4 and Zero 2 W: BCM43430, 43436, 43455, 43456. */
const piFirmware = [
  /^brcm\/brcmfmac434(30|36|36s|55|56)-sdio\.(bin|clm_blob|txt)$/,
  /^brcm\/brcmfmac434\d\d-sdio\.raspberrypi/,
  /^cypress\/cyfmac434(30|55)-sdio\./,
  /^regulatory\.db/,
];
/** Regulators and phys come first: disks and USB wait for them. */
const piInitramfsModules = [
  'bcm2835_wdt',
  'fixed',
  'gpio-regulator',
  'phy-generic',
  'reset-raspberrypi',
  'bcm2835',
  'sdhci-iproc',
  'mmc_block',
  'dwc2',
  'xhci-pci',
  'usb-storage',
  'uas',
  'sd_mod',
  ...rootModules,
];
/** Of a model 5: its card's controller and what that waits for, and NVMe disks on PCI Express. */
const pi5InitramfsModules = ['pinctrl-brcmstb-bcm2712', 'gpio-brcmstb', 'sdhci-brcmstb', 'irq-bcm2712-mip', 'nvme'];
const piPackages = [...wirelessPackages, 'raspi-firmware', 'firmware-brcm80211'];
/** The last one is /dev/console. `iomem=relaxed` lets skerry-slot name the slot that is started next (files/pi/boot-state). */
const piArguments = [
  'cgroup_enable=memory',
  'iomem=relaxed',
  'console=ttyS1,115200',
  'console=ttyAMA0,115200',
  'console=tty0',
];

export const boards: Record<BoardName, Board> = {
  'qemu-arm64': {
    name: 'qemu-arm64',
    description: "QEMU's virt machine with UEFI, the board of skerry rig",
    architecture: architectures.arm64,
    boot: grubArm64,
    kernel: 'linux-image-cloud-arm64',
    packages: [],
    kernelArguments: ['console=ttyAMA0'],
    initramfsModules: [...virtioModules, ...rootModules],
    keptModules: headless,
  },
  'generic-arm64': {
    name: 'generic-arm64',
    description: 'arm64 boards and servers with UEFI',
    architecture: architectures.arm64,
    boot: grubArm64,
    kernel: 'linux-image-arm64',
    packages: wirelessPackages,
    kernelArguments: ['console=ttyAMA0', 'console=ttyS0', 'console=tty0'],
    initramfsModules: [...virtioModules, ...diskModules, 'sdhci-of-arasan', 'dw_mmc-pltfm', ...rootModules],
    keptModules: headless,
  },
  'generic-amd64': {
    name: 'generic-amd64',
    description: 'PCs with UEFI',
    architecture: architectures.amd64,
    boot: grubAmd64,
    kernel: 'linux-image-amd64',
    packages: wirelessPackages,
    kernelArguments: ['console=ttyS0', 'console=tty0'],
    initramfsModules: [...virtioModules, ...diskModules, ...rootModules],
    keptModules: headless,
  },
  'rpi-arm64': {
    name: 'rpi-arm64',
    description: 'Raspberry Pi 3, 4, 5 and Zero 2 W',
    architecture: architectures.arm64,
    boot: {
      kind: 'pi',
      wide: true,
      kernelFile: 'kernel8.img',
      models: ['older', 'four'],
      deviceTrees: [
        'bcm2837-rpi-3-a-plus.dtb',
        'bcm2837-rpi-3-b.dtb',
        'bcm2837-rpi-3-b-plus.dtb',
        'bcm2837-rpi-zero-2-w.dtb',
        'bcm2711-rpi-4-b.dtb',
        'bcm2711-rpi-400.dtb',
        'bcm2712-rpi-5-b.dtb',
        'bcm2712-d-rpi-5-b.dtb',
      ],
      // Model 5's second stepping: https://github.com/raspberrypi/firmware/issues/2018
      otherDeviceTrees: { 'bcm2712d0-rpi-5-b.dtb': 'bcm2712-d-rpi-5-b.dtb' },
    },
    kernel: 'linux-image-arm64',
    // Debian 13's own has no driver for a model 5's card, USB and Ethernet.
    kernelSuite: 'trixie-backports',
    packages: piPackages,
    kernelArguments: piArguments,
    initramfsModules: [...pi5InitramfsModules, ...piInitramfsModules],
    keptModules: piModules,
    keptFirmware: piFirmware,
  },
  'rpi-armhf': {
    name: 'rpi-armhf',
    description: 'Raspberry Pi 2',
    architecture: architectures.armhf,
    boot: {
      kind: 'pi',
      wide: false,
      kernelFile: 'kernel7.img',
      models: ['older'],
      deviceTrees: ['bcm2836-rpi-2-b.dtb'],
    },
    kernel: 'linux-image-armmp',
    packages: piPackages,
    kernelArguments: piArguments,
    initramfsModules: piInitramfsModules,
    keptModules: piModules,
    keptFirmware: piFirmware,
  },
};

/** What every board has. */
export const commonPackages = [
  'libc6',
  'libstdc++6',
  'libgcc-s1',
  'libatomic1',
  'busybox-static',
  'ca-certificates',
  'podman',
  'crun',
  'netavark',
  'aardvark-dns',
  'nftables',
  'e2fsprogs',
  'fdisk',
  'util-linux',
  'dropbear-bin',
  'dmsetup',
] as const;

/**
 * Dependencies that serve to install and configure packages, which is not done here, or that a device has in another
 * form (busybox). `checkLibraries` proves that no program lacks a library.
 */
export const leftOutPackages = [
  'adduser',
  'base-passwd',
  'coreutils',
  'cpio',
  'debconf',
  'dosfstools',
  'dpkg',
  'dirmngr',
  'dracut-install',
  'gettext-base',
  'gnupg',
  'gnupg-l10n',
  'gpg',
  'gpg-agent',
  'gpgconf',
  'gpgsm',
  'grub-common',
  'init-system-helpers',
  'initramfs-tools',
  'initramfs-tools-bin',
  'initramfs-tools-core',
  'klibc-utils',
  'kmod',
  'libaudit-common',
  'libdb5.3t64',
  'libdebconfclient0',
  'libefiboot1t64',
  'libefivar1t64',
  'libfreetype6',
  'libfuse3-4',
  'libgnutls30t64',
  'libhogweed6t64',
  'libidn2-0',
  'libklibc',
  'libksba8',
  'libldap2',
  'libnettle8t64',
  'libnpth0t64',
  'libp11-kit0',
  'libpam-modules',
  'libpam-modules-bin',
  'libpng16-16t64',
  'libsasl2-2',
  'libsasl2-modules-db',
  'libsemanage-common',
  'libsystemd-shared',
  'libtasn1-6',
  'libunistring5',
  'linux-base',
  'login.defs',
  'logsave',
  'mount',
  'openssl',
  'openssl-provider-legacy',
  'passwd',
  'pinentry-curses',
  'readline-common',
  'systemd',
  'tar',
  'tzdata',
  'udev',
] as const;
