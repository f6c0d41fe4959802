#!/bin/sh
# Installs the Python packages that only tests need and that Debian does not have into a folder:
#   tools/install_test_packages.sh build/release/test-python
set -eu
folder="${1:?expected a folder}"
stamp="$folder/installed"
packages="playwright==1.65.* axe-playwright-python==0.1.*"
[ "$(cat "$stamp" 2>/dev/null || true)" = "$packages" ] && exit 0
python3 -m pip install --quiet --disable-pip-version-check --upgrade --target "$folder" $packages
echo "$packages" > "$stamp"
