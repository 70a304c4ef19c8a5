# Sourced by scripts/up and scripts/test: installs the locked npm dependencies, once a lockfile.

install_dependencies() {
  if ! command -v npm >/dev/null; then
    echo "npm is missing; on Debian and Raspberry Pi OS: sudo apt-get install npm" >&2
    return 1
  fi
  # The lockfile that was installed last is kept beside the modules.
  cmp -s package-lock.json node_modules/.installed-lock.json && return 0
  echo "installing the locked dependencies"
  npm ci --no-progress --loglevel=error
  cp package-lock.json node_modules/.installed-lock.json
}
