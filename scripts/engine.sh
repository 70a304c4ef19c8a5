# Sourced by scripts/test: finds a container engine or, as root, installs and starts one.

# Whether something answers on a socket that speaks Docker's API.
engine_answers() {
  [ -S "$1" ] && docker_ping=$(curl -s --max-time 5 --unix-socket "$1" http://engine/_ping 2>/dev/null) && [ "$docker_ping" = OK ]
}

# Installs Debian packages that are missing; needs root.
install_packages() {
  missing=
  for package in "$@"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
  done
  [ -z "$missing" ] && return 0
  if [ "$(id -u)" != 0 ]; then
    echo "these Debian packages are missing; run: sudo apt-get install$missing" >&2
    return 1
  fi
  echo "installing Debian packages:$missing"
  apt-get update -q >/dev/null 2>&1 || true
  # A machine without an init system must not be stopped by packages that want to start services.
  DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing >/dev/null
}

# Starts dockerd in the background and waits until it serves. Its log goes to $1.
start_dockerd() {
  echo "starting dockerd (log: $1)"
  setsid dockerd >"$1" 2>&1 </dev/null &
  tries=0
  while ! engine_answers /var/run/docker.sock; do
    tries=$((tries + 1))
    if [ $tries -gt 60 ]; then
      echo "dockerd does not answer, its log ends with:" >&2
      tail -n 5 "$1" >&2
      return 1
    fi
    sleep 1
  done
}
