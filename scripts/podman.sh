#!/bin/sh
# Podman as the firmware images have it (Debian trixie), on this machine, for tests: see test/README.md.
# usage: sh scripts/podman.sh DIRECTORY   (root; mmdebstrap; DIRECTORY below /tmp, which the tests and Podman share)
# Installs it into DIRECTORY/root once, and serves DIRECTORY/podman.sock until it is ended.
set -eu
directory=$(realpath -m "${1:?usage: sh scripts/podman.sh DIRECTORY}")
root=$directory/root
packages=podman,crun,conmon,netavark,aardvark-dns,nftables,golang-github-containers-common,golang-github-containers-image

if [ "${2:-}" != inside ]; then
  mkdir -p "$directory/data/tmp"
  if [ ! -d "$root/etc" ]; then
    mirror=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | grep -oE '[a-z]+://[^ ]*/debian/?( |$)' | head -1)
    mmdebstrap --variant=minbase --aptopt='APT::Install-Recommends "false"' --include=$packages trixie "$root" \
      "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror trixie main"
  fi
  exec unshare --mount --propagation private sh "$0" "$directory" inside
fi

# Everything from here on is seen by Podman alone.
cat >"$root/etc/containers/containers.conf" <<END
[containers]
log_driver = "k8s-file"
[engine]
runtime = "crun"
cgroup_manager = "cgroupfs"
events_logger = "file"
static_dir = "$directory/data/libpod"
volume_path = "$directory/data/volumes"
tmp_dir = "/run/libpod"
image_copy_tmp_dir = "$directory/data/tmp"
compat_api_enforce_docker_hub = true
[network]
network_backend = "netavark"
firewall_driver = "nftables"
network_config_dir = "$directory/data/networks"
END
printf '[storage]\ndriver = "overlay"\ngraphroot = "%s/data/storage"\nrunroot = "/run/containers/storage"\n' "$directory" \
  >"$root/etc/containers/storage.conf"
echo '{ "default": [{ "type": "insecureAcceptAnything" }] }' >"$root/etc/containers/policy.json"
printf 'unqualified-search-registries = ["docker.io"]\nshort-name-mode = "disabled"\n' >"$root/etc/containers/registries.conf"

mount --bind "$root" "$root"
for name in proc sys dev tmp; do mount --rbind /$name "$root/$name"; done
mount -t tmpfs run "$root/run"
# Its locks are here.
mount -t tmpfs shm "$root/dev/shm"
if [ "$(stat -f -c %T /sys/fs/cgroup)" = tmpfs ]; then
  # crun takes version 1 of the cgroups without a part of version 2, and with every controller.
  mkdir "$root/run/cgroup"
  mount -t tmpfs cgroup "$root/run/cgroup"
  for path in /sys/fs/cgroup/*; do
    name=$(basename "$path")
    mountpoint -q "$path" || continue
    [ "$name" = unified ] && continue
    mkdir "$root/run/cgroup/$name"
    mount --rbind "$path" "$root/run/cgroup/$name"
  done
  # Directories serve for those that are not mounted here: nothing is limited by them.
  for name in hugetlb perf_event net_cls net_prio; do mkdir -p "$root/run/cgroup/$name"; done
  mount --rbind "$root/run/cgroup" "$root/sys/fs/cgroup"
fi
cd "$root"
pivot_root . mnt
umount -l /mnt
exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root PODMAN_IGNORE_CGROUPSV1_WARNING=1 \
  podman system service --time=0 "unix://$directory/podman.sock"
