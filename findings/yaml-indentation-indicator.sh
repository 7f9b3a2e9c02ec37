#!/usr/bin/env bash
# yaml 2.9.1 (npm): text that begins with a blank comes back with more blanks, or not at all, when it is written with another
# `indent` than 2. There is no error where it is written.
#
# A block scalar whose first line begins with a blank needs an indentation indicator, as in `|2`. yaml always writes 2 below a
# key, also where the lines are indented by 3, 4 or 8. Each reader then takes the rest of the indentation for a part of the text:
# `parse` of yaml itself, and PyYAML. With `indent: 1` neither of them can read the file. A document that was read and is
# written with another indent is changed in the same way. Where the text is the whole document, yaml writes `|1` before lines that
# are not indented, also with the default indent, and neither of them can read that.
#
# Breakwater: what `inject` adds is written with an indent of 2, and moved to the right as a whole.
# Needs Node.js 20 or later, and Python 3. Seen on 2026-11-28.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

echo '{ "private": true }' >package.json
npm install --silent --no-audit --no-fund --save-exact yaml@2.9.1
python3 -m venv venv
venv/bin/pip --quiet install PyYAML==6.0.3

cat >write.mjs <<'EOF'
import { readFileSync } from 'node:fs';
import { parse, parseDocument, stringify } from 'yaml';

const { version } = JSON.parse(readFileSync('node_modules/yaml/package.json', 'utf8'));
console.error(`yaml ${version}`);
const text = ' one\ntwo\n';
const readBack = (yaml, pick) => {
  try {
    return JSON.stringify(pick(parse(yaml)));
  } catch (error) {
    return error.code;
  }
};
for (const indent of [1, 2, 3, 4, 8]) {
  const yaml = stringify({ text }, { indent });
  console.log(JSON.stringify({ title: `indent ${indent}`, yaml, seen: readBack(yaml, (value) => value.text) }));
}
const document = parseDocument('text: |2\n   one\n  two\n');
const yaml = document.toString({ indent: 4 });
console.log(JSON.stringify({ title: 'read, then written with 4', yaml, seen: readBack(yaml, (value) => value.text) }));
const top = stringify(text);
console.log(JSON.stringify({ title: 'at the top', yaml: top, seen: readBack(top, (value) => value) }));
EOF
node write.mjs >written

cat >read.py <<'EOF'
import json
import yaml

for line in open("written"):
    case = json.loads(line)
    try:
        value = yaml.safe_load(case["yaml"])
        seen = json.dumps(value["text"] if isinstance(value, dict) else value)
    except yaml.YAMLError as error:
        seen = type(error).__name__
    print(f"{case['title']}: yaml {case['seen']}, PyYAML {seen}")
EOF
venv/bin/python read.py >seen.txt

cat >expected.txt <<'TEXT'
indent 1: yaml BAD_INDENT, PyYAML ParserError
indent 2: yaml " one\ntwo\n", PyYAML " one\ntwo\n"
indent 3: yaml "  one\n two\n", PyYAML "  one\n two\n"
indent 4: yaml "   one\n  two\n", PyYAML "   one\n  two\n"
indent 8: yaml "       one\n      two\n", PyYAML "       one\n      two\n"
read, then written with 4: yaml "   one\n  two\n", PyYAML "   one\n  two\n"
at the top: yaml UNEXPECTED_TOKEN, PyYAML ParserError
TEXT

echo 'expected:'
cat expected.txt
echo 'seen:'
cat seen.txt
diff expected.txt seen.txt
