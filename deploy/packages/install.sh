# Sourced: install_packages FILE... installs what the lists name and the machine lacks, as root.
# Nothing that is installed is started: a temporary policy-rc.d says no, unless the machine has one of its own.
install_packages() {
  local wanted missing policy=/usr/sbin/policy-rc.d made=""
  wanted=$(grep -hv '^#' "$@" | sort -u)
  missing=$(for package in $wanted; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || echo "$package"
  done)
  [ -z "$missing" ] && return 0
  if [ "$(id -u)" != 0 ]; then
    echo "these packages are missing, and only root can install them:" $missing >&2
    return 5
  fi
  echo "installing" $missing
  if [ ! -e "$policy" ]; then
    made=$policy
    printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod 755 "$policy"
  fi
  local status=0 log
  log=$(mktemp)
  { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing; } \
    >"$log" 2>&1 </dev/null || status=$?
  [ "$status" = 0 ] || tail -n 20 "$log" >&2
  rm -f "$log" $made
  return "$status"
}
