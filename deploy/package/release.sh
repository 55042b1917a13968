#!/usr/bin/env bash
# Builds what is released into dist/ (or DIRECTORY): for each architecture a deb, an rpm and a
# tarball, an SBOM, and the checksums of all. The same commit gives the same
# bytes, wherever it is built:
#
#   deploy/package/release.sh [-o DIRECTORY] [VERSION] [ARCHITECTURE...]
#
# needs Go, gcc, binutils, and for arm64 gcc-aarch64-linux-gnu; without that
# the agent for arm64 is built without cgo and so reads no NVIDIA GPUs.
# NFPM is another way to call nfpm.
set -euo pipefail
cd "$(dirname "$0")/../.."

dist=dist
if [ "${1:-}" = -o ]; then dist=$2; shift 2; fi
described=$(git describe --tags --match 'v[0-9]*' 2>/dev/null || true)
revision=$(git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)
VERSION=${1:-${described#v}}
export VERSION=${VERSION:-0.1.0-dev.$revision}
[ $# -eq 0 ] || shift
architectures=("$@")
[ ${#architectures[@]} -gt 0 ] || architectures=(amd64 arm64)

SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 1700000000)}
DATE=$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y-%m-%dT%H:%M:%SZ)
export SOURCE_DATE_EPOCH DATE LC_ALL=C TZ=UTC
export CGO_CFLAGS="-O2 -g -Wno-deprecated-declarations" # see the Makefile; no path in it
nfpm=${NFPM:-go run github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.45.2}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
stage=$work/stage

# glibc is what the agent may need at most: RHEL 8 has it.
newest_glibc=2.28

# build_daemon ARCH links nodemeterd so that it starts on old systems.
build_daemon() {
  local cc=gcc
  [ "$1" = "$(go env GOHOSTARCH)" ] || cc=$(case $1 in amd64) echo x86_64 ;; arm64) echo aarch64 ;; esac)-linux-gnu-gcc
  local ldflags="-s -w -buildid= -X main.version=$VERSION"
  if ! command -v "$cc" >/dev/null; then
    echo "no $cc: nodemeterd for $1 is built without cgo and reads no NVIDIA GPUs" >&2
    CGO_ENABLED=0 GOARCH=$1 go build -trimpath -buildvcs=false -ldflags "$ldflags" -o "$stage/nodemeterd" ./cmd/nodemeterd
    return
  fi
  "$cc" -c -o "$work/old.o" deploy/package/glibc/old.S
  # Lazy binding: go-nvml refers to functions that a driver may lack.
  local link="-Wl,-z,lazy $work/old.o -Wl,--no-as-needed -l:libpthread.so.0 -l:libdl.so.2 -l:libresolv.so.2" name
  for name in $(sed -nE 's/^\tOLD(_AS)?\((\w+),.*/\2/p' deploy/package/glibc/old.S); do link+=" -Wl,--wrap=$name"; done
  CGO_ENABLED=1 CC=$cc GOARCH=$1 go build -trimpath -buildvcs=false -ldflags "$ldflags -extldflags '$link'" -o "$stage/nodemeterd" ./cmd/nodemeterd
}

# check_programs fails when the agent would not start on old systems, or the
# analyzer anywhere.
check_programs() {
  local need
  need=$(readelf -VW "$stage/nodemeterd" | grep -oE 'GLIBC_[0-9.]+' | sed 's/GLIBC_//' | sort -Vu | tail -n 1 || true)
  if [ -n "$need" ] && [ "$(printf '%s\n' "$need" "$newest_glibc" | sort -V | tail -n 1)" != "$newest_glibc" ]; then
    echo "nodemeterd needs glibc $need, newer than $newest_glibc: add what is listed here to deploy/package/glibc/old.S" >&2
    readelf --dyn-syms -W "$stage/nodemeterd" | grep -F "@GLIBC_$need" >&2
    exit 1
  fi
  if [ -z "$need" ] && readelf -dW "$stage/nodemeterd" | grep -q NEEDED; then
    echo "nodemeterd: which glibc it needs cannot be read" >&2
    exit 1
  fi
  if readelf -dW "$stage/nodemeterd" | grep -q NOW; then
    echo "nodemeterd is bound at start: it would not survive a driver that lacks a function" >&2
    exit 1
  fi
  if readelf -dW "$stage/nodemeter" | grep -q NEEDED; then
    echo "nodemeter is not static" >&2
    exit 1
  fi
}

# documents puts beside the programs what a package takes from no other place.
documents() {
  local page
  mkdir -p "$stage/man1" "$stage/man8"
  for page in deploy/package/man/*; do gzip -9nc "$page" >"$stage/man${page##*.}/${page##*/}.gz"; done
  go run ./deploy/package/inventory "$VERSION" "$SOURCE_DATE_EPOCH" "$dist/$name.spdx.json" "$work/licenses" "$stage/nodemeterd" "$stage/nodemeter"
  gzip -9nc "$work/licenses" >"$stage/THIRD-PARTY-LICENSES.gz"
  cat >"$stage/changelog.yml" <<END
- semver: $VERSION
  date: $DATE
  deb: {urgency: low, distributions: [unstable]}
  packager: The nodemeter authors <nodemeter@localhost>
  changes:
    - note: See CHANGELOG.md of the sources.
END
}

# tarball packs the programs and what they come with, in one directory.
tarball() {
  local top=$work/$name
  mkdir -p "$top/man"
  cp "$stage/nodemeterd" "$stage/nodemeter" "$stage/THIRD-PARTY-LICENSES.gz" LICENSE README.md CHANGELOG.md "$top"
  cp "$stage"/man?/* "$top/man"
  cp -r docs deploy/systemd deploy/slurm deploy/package/completions "$top"
  mkdir "$top/prometheus" "$top/grafana"
  cp -r deploy/prometheus/{prometheus.yml,rules,targets} "$top/prometheus"
  cp -r deploy/grafana/{dashboards,provisioning} "$top/grafana"
  chmod -R u=rwX,go=rX "$top"
  tar -C "$work" --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner -cf - "$name" | gzip -1n >"$dist/$name.tar.gz"
}

mkdir -p "$dist"
rm -rf "$dist"/nodemeter[-_]* "$dist/SHA256SUMS"
for ARCH in "${architectures[@]}"; do
  export ARCH
  name=nodemeter-$VERSION-linux-$ARCH
  rm -rf "$stage" && mkdir -p "$stage"
  build_daemon "$ARCH"
  CGO_ENABLED=0 GOARCH=$ARCH go build -trimpath -buildvcs=false -ldflags "-s -w -buildid= -X main.version=$VERSION" -o "$stage/nodemeter" ./cmd/nodemeter
  check_programs
  documents
  tarball
  sed "s,STAGE,$stage,g" deploy/package/nfpm.yaml >"$work/nfpm.yaml"
  for kind in deb rpm; do
    $nfpm package --config "$work/nfpm.yaml" --packager "$kind" --target "$dist/" >"$work/nfpm.log" || { cat "$work/nfpm.log" >&2; exit 1; }
  done
done
(cd "$dist" && sha256sum -- nodemeter* >SHA256SUMS)
