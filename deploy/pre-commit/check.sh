#!/usr/bin/env bash
# What the hook of .pre-commit-hooks.yaml runs: `breakwater check`, from the copy of this repository that pre-commit keeps. It
# is built there at the first use, which takes half a minute and needs Node.js 20.18.1 or later and npm.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
built=$root/dist/.is-built
if [[ ! -e $built ]]; then
  echo "Building Breakwater, once" >&2
  if ! (cd "$root" && npm ci --ignore-scripts --no-audit --no-fund && npm run --silent build) >&2; then
    echo "Cannot check because Breakwater could not be built" >&2
    exit 1
  fi
  : >"$built"
fi
exec node "$root/dist/program/main.js" check "$@"
