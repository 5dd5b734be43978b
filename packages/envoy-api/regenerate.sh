#!/usr/bin/env bash
# Makes src/gen anew from the descriptors in the Go module of Envoy's API, pinned in generate/go.mod.
# Needs Go (the version in generate/go.mod or newer), npm and the repository's own Node (tools/setup.sh).
set -euo pipefail
cd "$(dirname "$0")"

protoc_gen_es=2.17.0 # keep equal to @bufbuild/protobuf in package.json
node=$PWD/../../.tools/bin/node

die() { echo "envoy-api: $*" >&2; exit 1; }
command -v go >/dev/null || die "Go is missing; it reads the descriptors out of Envoy's Go module."
[ -x "$node" ] || die "run tools/setup.sh first."
[ "$("$node" -p 'require("./package.json").dependencies["@bufbuild/protobuf"]')" = "$protoc_gen_es" ] \
  || die "protoc-gen-es $protoc_gen_es and @bufbuild/protobuf in package.json differ."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp generate/main.go generate/go.mod generate/go.sum "$work"

mapfile -t roots < <(grep -v '^#' generate/roots.txt)
{
  printf 'package main\n\nimport (\n'
  printf '\t_ "%s"\n' "${roots[@]}" \
    | sed -e 's|"envoy/|"github.com/envoyproxy/go-control-plane/envoy/|' \
      -e 's|"xds/|"github.com/cncf/xds/go/xds/|'
  printf ')\n'
} >"$work/roots.go"
(cd "$work" && go run . "${roots[@]}" >request)

npm install --prefix "$work/npm" --no-audit --no-fund --ignore-scripts --engine-strict=false \
  --loglevel=error "@bufbuild/protoc-gen-es@$protoc_gen_es" >/dev/null
"$node" "$work/npm/node_modules/@bufbuild/protoc-gen-es/bin/protoc-gen-es" <"$work/request" >"$work/response"

mkdir "$work/gen"
"$node" generate/write.ts "$work/gen" <"$work/response"
rm -rf src/gen
cp -r "$work/gen" src/gen
echo "envoy-api: wrote $(find src/gen -name '*_pb.js' | wc -l) files into src/gen"
