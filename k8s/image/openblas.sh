#!/usr/bin/env bash
# openblas.sh DIR: copies the installed OpenBLAS into DIR, with the libraries it needs that .NET's own images lack (on amd64
# libgfortran and libquadmath), under the names they are loaded by.
set -euo pipefail
library="$(ldconfig -p | awk '$1 == "libopenblas.so.0" { path = $NF } END { print path }')"
if [ -z "$library" ]; then
  echo "openblas.sh: libopenblas.so.0 is not installed" >&2
  exit 1
fi
mkdir -p "$1"
cp -L "$library" "$1/libopenblas.so.0"
ldd "$library" | awk '$2 == "=>" && $1 !~ /^lib(c|m|dl|rt|pthread|gcc_s|stdc[+][+])[.]so/ { print $3 }' \
  | while read -r needed; do cp -L "$needed" "$1/"; done
