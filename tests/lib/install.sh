# shellcheck shell=bash disable=SC2034,SC2164
# Installs Debian packages that are missing; for `.` by ./run and ./test. Says what it installs; asks sudo when not root.

BUILD_PACKAGES="libprotobuf-c-dev build-essential cmake ninja-build ccache mold pkg-config libboost1.81-dev libpq-dev libpg-query-dev
  prometheus-cpp-dev libyaml-cpp-dev nlohmann-json3-dev libcli11-dev libspdlog-dev libfmt-dev libssl-dev libsqlite3-dev zlib1g-dev
  libgtest-dev libgmock-dev ca-certificates"
RUN_PACKAGES="postgresql-15 postgresql-client-15 python3 python3-yaml util-linux"
TEST_PACKAGES="postgresql-15-hypopg pgbouncer prometheus prometheus-alertmanager chromium openssl clang-format faketime"

installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

# missing PACKAGE...: those that are not there; node and npm may have come from somewhere else than Debian
missing() {
  local package
  for package in "$@"; do installed "$package" || echo "$package"; done
  command -v node >/dev/null || echo nodejs
  command -v npm >/dev/null || echo npm
}

install_packages() {
  local wanted
  wanted=$(missing "$@" | sort -u | xargs)
  [ -n "$wanted" ] || return 0
  local as_root=""
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || {
      printf 'these packages are missing: %s\nhint: install them as root, or install sudo\n' "$wanted" >&2
      return 1
    }
    as_root=sudo
  fi
  echo "installing: $wanted" >&2
  # No service starts and no cluster is made: we bring our own servers, on ports of their own.
  # shellcheck disable=SC2016
  $as_root env DEBIAN_FRONTEND=noninteractive bash -ec '
    guard=/usr/sbin/policy-rc.d
    if [ ! -e $guard ]; then
      trap "rm -f $guard" EXIT
      printf "#!/bin/sh\nexit 101\n" >$guard
      chmod 755 $guard
    fi
    if [ ! -d /var/lib/postgresql/15 ]; then
      mkdir -p /etc/postgresql-common/createcluster.d
      echo "create_main_cluster = false" >/etc/postgresql-common/createcluster.d/pgvigil.conf
    fi
    log=$(mktemp)
    run() { "$@" </dev/null >"$log" 2>&1 || { tail -20 "$log" >&2; echo "failed: $*" >&2; exit 1; }; }
    run apt-get -q update
    run apt-get -q -y -o Dpkg::Options::=--force-confold -o DPkg::Lock::Timeout=300 install --no-install-recommends "$@"
    rm -f "$log"
  ' install $wanted
}

# build PRESET TARGET...: configures once, then ninja decides; two at once wait for each other
build() {
  local preset=$1 directory=$ROOT/build/$1
  shift
  mkdir -p "$directory"
  (
    flock 9
    cd "$ROOT"
    [ -e "$directory/build.ninja" ] || cmake --preset "$preset" >"$directory/configure.log" 2>&1 ||
      { tail -20 "$directory/configure.log" >&2; exit 1; }
    cmake --build "$directory" --parallel "$(nproc)" --target "$@" 9>&-
  ) 9>"$directory/.lock"
}
