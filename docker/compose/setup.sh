#!/bin/sh
# With arguments it is the command `inventory` as superuser. Without, it brings everything up to date; safe to
# run again.
set -eu
if [ $# -gt 0 ]; then
    exec inventory "$@"
fi
inventory init
inventory sink add nats nats://nats:4222/INVENTORY/inventory.events
key=/keys/inventory_key
if [ ! -s "$key" ]; then
    umask 077
    inventory --json key create prometheus --role reader | sed -n 's/.*"secret": *"\([^"]*\)".*/\1/p' > "$key.new"
    chown 65534:65534 "$key.new"
    mv "$key.new" "$key"
fi
