#!/bin/sh
# Entrypoint of the director's container: `director [OPTION]...` runs uvsd with these options, `director COMMAND...`
# anything else.
#
# UVS_ADDRESSES   addresses that the director takes: the servers' gateway and the VIPs
# UVS_GATEWAY     the director's own default gateway
#
# A director that starts anew and finds connections takes them once it is ready: before that the kernel would answer
# their packets with RST. Without the addresses these packets are lost, and sent once more.
set -eu

state=/run/uvs

take_addresses() {
  for address in ${UVS_ADDRESSES:-}; do
    interface=$(ip -o route get "$address" | sed -n 's/.* dev \([^ ]*\) .*/\1/p')
    ip address replace "$address/32" dev "$interface"
  done
}

take_addresses_when_ready() {
  until [ -S "$state/control.sock" ]; do sleep 0.1; done
  take_addresses
}

case ${1:-} in
  '' | -*) ;;
  *) exec "$@" ;;
esac

if [ -n "${UVS_GATEWAY:-}" ]; then ip route replace default via "$UVS_GATEWAY"; fi
if [ -e "$state/tables" ]; then
  rm -f "$state/control.sock"
  take_addresses_when_ready &
else
  take_addresses
fi
exec uvsd "$@"
