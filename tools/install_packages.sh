#!/bin/sh
# Installs the Debian packages that the build, the tests and the demo need and that are missing.
# Works as root or with sudo; does nothing, and asks for nothing, where all are there.
set -eu

packages="
  g++ make cmake ninja-build pkg-config git
  libopenblas-openmp-dev liblapacke-dev libboost-math-dev
  nlohmann-json3-dev libfmt-dev libcli11-dev libtomlplusplus-dev
  libssl-dev zlib1g-dev libpcre2-dev libutf8proc-dev libcurl4-openssl-dev
  libgtest-dev libbenchmark-dev
  python3 python3-dev python3-venv python3-pip python3-jsonschema
  chromium
"

missing=""
for package in $packages; do
  state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$state" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ]; then
  as_root=""
elif command -v sudo >/dev/null; then
  as_root="sudo"
else
  echo "install_packages: these packages are missing and there is neither root nor sudo:$missing" >&2
  exit 1
fi
echo "Installing:$missing"
$as_root apt-get update -qq
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing
