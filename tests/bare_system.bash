# Sourced by tests/distributions, tests/first_minutes and bench/peers/debian13: makes bare systems by debootstrap. Needs root and
# mirrors; $NN_DEBIAN_MIRROR and $NN_UBUNTU_MIRROR name others than the usual ones. On a machine that does
# other work too, OMP_WAIT_POLICY=passive is passed on.

declare -A codenames=([12]=bookworm [13]=trixie [24.04]=noble)
debian_mirror=${NN_DEBIAN_MIRROR:-http://deb.debian.org/debian}
ubuntu_mirror=${NN_UBUNTU_MIRROR:-http://archive.ubuntu.com/ubuntu}

# name_of RELEASE: of the system.
name_of() { [[ $1 == *.* ]] && echo "Ubuntu $1" || echo "Debian $1"; }

mounted=()
unmount() {
  local place
  for place in "${mounted[@]}"; do umount -l "$place"; done
  mounted=()
}
trap unmount EXIT

# make_system ROOT RELEASE: a bare system with this commit in /nn and the data sets in /data.
make_system() {
  local root=$1 from=("$debian_mirror") components=main
  # Ubuntu has most of the packages in its second component. All its releases are made by one script,
  # which a debootstrap that is older than a release does not know by the release's name.
  [[ $2 != *.* ]] || from=("$ubuntu_mirror" /usr/share/debootstrap/scripts/gutsy) components=main,universe
  rm -rf "$root"
  mkdir -p "$root"
  quietly debootstrap --variant=minbase --components="$components" "${codenames[$2]}" "$root" \
    "${from[@]}" || return 1
  cp /etc/resolv.conf "$root/etc/" 2>/dev/null
  cp -r /etc/apt/apt.conf.d/. "$root/etc/apt/apt.conf.d/"
  quietly git clone --quiet "$repository" "$root/nn" || return 1
  enter_system "$root"
}

# enter_system ROOT: makes one that is there ready to run commands.
enter_system() {
  local root=$1
  mkdir -p "$root/data"
  mount --bind /proc "$root/proc" && mounted+=("$root/proc")
  mount --bind /dev "$root/dev" && mounted+=("$root/dev")
  [[ -z ${NN_DATA_DIR:-} ]] || { mount --bind "$NN_DATA_DIR" "$root/data" && mounted+=("$root/data"); }
}

# in_system ROOT COMMAND...: with nothing of this environment but a path.
in_system() {
  local root=$1
  shift
  chroot "$root" /usr/bin/env -i HOME=/root LANG=C.UTF-8 NN_DATA_DIR=/data \
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    ${OMP_WAIT_POLICY:+OMP_WAIT_POLICY="$OMP_WAIT_POLICY"} "$@" </dev/null
}
