#!/bin/sh
# Entrypoint of the director's container: `director [OPTION]...` runs uvsd with these options, `director COMMAND...`
# anything else.
#
# UVS_ADDRESSES   addresses that the director takes once it is ready: the VIPs, and the servers' gateway
# UVS_GATEWAY     the director's own default gateway
#
# It takes them only then, because of a director that starts anew and finds connections: for as long as it isn't ready,
# the kernel would answer their packets with RST. Without the addresses they are lost, and sent once more.
set -eu

state=/run/uvs

takeAddresses() {
  until [ -S "$state/control.sock" ]; do sleep 0.1; done
  for address in ${UVS_ADDRESSES:-}; do
    interface=$(ip -o route get "$address" | sed -n 's/.* dev \([^ ]*\) .*/\1/p')
    ip address replace "$address/32" dev "$interface"
  done
}

case ${1:-} in
  '' | -*) ;;
  *) exec "$@" ;;
esac

if [ -n "${UVS_GATEWAY:-}" ]; then ip route replace default via "$UVS_GATEWAY"; fi
rm -f "$state/control.sock"
takeAddresses &
exec uvsd "$@"
