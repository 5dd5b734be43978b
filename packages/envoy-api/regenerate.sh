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

# Prints the code generator's request for some directories of .proto files.
request() {
  {
    printf 'package main\n\nimport (\n'
    printf '\t_ "%s"\n' "$@" \
      | sed -e 's|"envoy/|"github.com/envoyproxy/go-control-plane/envoy/|' \
        -e 's|"xds/|"github.com/cncf/xds/go/xds/|'
    printf ')\n'
  } >"$work/roots.go"
  (cd "$work" && go run . "$@")
}

mapfile -t roots < <(grep -v '^#' generate/roots.txt)
request "${roots[@]}" >"$work/request"

# Everything that a configuration may hold, for the registry: descriptors only, without code.
module=$(cd "$work" && go list -m -f '{{.Dir}}' github.com/envoyproxy/go-control-plane/envoy)
mapfile -t everything < <({
  (cd "$module" && find . -name '*.pb.go' -printf '%h\n') | sed 's|^\.|envoy|' \
    | grep -E '/v3(alpha)?$' | grep -v '^envoy/service/'
  printf '%s\n' "${roots[@]}"
} | sort -u)
request "${everything[@]}" >"$work/everything"

npm install --prefix "$work/npm" --no-audit --no-fund --ignore-scripts --engine-strict=false \
  --loglevel=error "@bufbuild/protoc-gen-es@$protoc_gen_es" >/dev/null
"$node" "$work/npm/node_modules/@bufbuild/protoc-gen-es/bin/protoc-gen-es" <"$work/request" >"$work/response"

mkdir "$work/gen"
"$node" generate/write.ts "$work/gen" <"$work/response"
"$node" generate/write-descriptors.ts "$work/gen/descriptors.binpb.gz" <"$work/everything"
rm -rf src/gen
cp -r "$work/gen" src/gen
echo "envoy-api: wrote $(find src/gen -name '*_pb.js' | wc -l) files into src/gen"
