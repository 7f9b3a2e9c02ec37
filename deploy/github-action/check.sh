#!/usr/bin/env bash
# The step of action.yml that checks. Its inputs are in the environment: FILES, STRICT, ALLOW_UNSET, SARIF.
set -euo pipefail

main=$(dirname "${BASH_SOURCE[0]}")/../../dist/program/main.js

fail() {
  printf '::error title=breakwater::%s\n' "$1"
  exit 1
}

# flag NAME VALUE OPTION: adds the option for `true`.
# Written so that it works where it is empty, too, in the bash of macOS.
arguments=()
flag() {
  case $2 in
    true) arguments+=("$3") ;;
    false) ;;
    *) fail "Cannot check because $1 must be true or false, but is \"$2\"" ;;
  esac
}
flag strict "$STRICT" --strict
flag allow-unset "$ALLOW_UNSET" --allow-unset

files=()
while IFS= read -r file; do
  # Without the spaces around it, which YAML may have left.
  file=${file#"${file%%[![:space:]]*}"}
  file=${file%"${file##*[![:space:]]}"}
  [[ -z $file ]] || files+=("$file")
done <<<"$FILES"
((${#files[@]} > 0)) || fail 'Cannot check because the input "files" names no file'

# `--` before the names: one may begin with a dash.
if [[ -n $SARIF ]]; then
  node "$main" check --format sarif ${arguments[@]+"${arguments[@]}"} -- "${files[@]}" >"$SARIF" || true
fi
if node "$main" check --format github ${arguments[@]+"${arguments[@]}"} -- "${files[@]}"; then
  echo "All files are fine."
else
  echo "Not all files are fine. Each finding is shown at its line, and above."
  exit 1
fi
