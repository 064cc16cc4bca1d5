#!/bin/sh
# Makes the API keys of the stack at its first start, so that none has to be in a repository: one for Prometheus and one
# for whoever operates it, in files beside the configuration that has their digests.
set -eu

keys=${1:?usage: first-start.sh FOLDER CONFIGURATION}
configuration=${2:?usage: first-start.sh FOLDER CONFIGURATION}

[ ! -s "$keys/gateway.toml" ] || exit 0

make_key() {
    integridai-gateway api-key --config "$configuration" --scope "$2" "$1" >>"$keys/sections.toml" 2>"$keys/told"
    sed -n 's/^The key of .*: //p' "$keys/told" >"$keys/$1.key"
    rm "$keys/told"
    test -s "$keys/$1.key"
}

: >"$keys/sections.toml"
make_key prometheus metrics:read
make_key operator admin
# Last and at once: its presence says that all else is there.
cat "$configuration" "$keys/sections.toml" >"$keys/gateway.toml.next"
mv "$keys/gateway.toml.next" "$keys/gateway.toml"
echo "The operator's key is in $keys/operator.key"
