# Sourced by examples/run, tests/run and .ci/run: gets what a build needs, and builds.

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# What the programs and tests are built from, by the names of Debian and Ubuntu; what they can do
# without, and what is left out then.
build_packages=(g++ cmake make ninja-build libeigen3-dev zlib1g-dev libstb-dev nlohmann-json3-dev
  libcli11-dev doctest-dev)
declare -A optional_packages=([gnuplot-nox]="drawings of curves" [libonnx-dev]="the tests of ONNX"
  [libprotobuf-dev]="the tests of ONNX")

say() { printf '%s\n' "$*" >&2; }
fail() {
  say "$@"
  exit 1
}

# quietly COMMAND...: shows what the command prints only if it fails.
quietly() {
  local log
  log=$(mktemp)
  if "$@" >"$log" 2>&1; then
    rm -f "$log"
  else
    local status=$?
    cat "$log" >&2
    rm -f "$log"
    return $status
  fi
}

is_installed() { [[ $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]; }

apt_get() {
  local elevate=()
  ((EUID == 0)) || elevate=(sudo)
  "${elevate[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 "$@"
}

# install_packages PACKAGE...: installs those that are missing. Returns 1 if that failed, having said
# why. On a system without apt-get it does nothing: CMake will say what it misses.
install_packages() {
  local package missing=()
  command -v apt-get >/dev/null && command -v dpkg-query >/dev/null || return 0
  for package in "$@"; do
    is_installed "$package" || missing+=("$package")
  done
  ((${#missing[@]} > 0)) || return 0
  if ((EUID != 0)) && ! command -v sudo >/dev/null; then
    say "These packages are missing, and only root can install them:" \
      "apt-get install ${missing[*]}"
    return 1
  fi
  say "Installing ${missing[*]}"
  # A new machine has no package lists yet, an old one may have lists of packages that are gone.
  quietly apt_get install -y --no-install-recommends "${missing[@]}" 2>/dev/null && return 0
  quietly apt_get update || say "The package lists could not be updated."
  quietly apt_get install -y --no-install-recommends "${missing[@]}" && return 0
  say "These packages are needed and could not be installed: ${missing[*]}"
  return 1
}

# try_packages PACKAGE...: installs those that are missing if it can, and says what is left out
# without them.
try_packages() {
  local package what
  local -A lacking=()
  command -v dpkg-query >/dev/null || return 0
  install_packages "$@" || true
  for package in "$@"; do
    is_installed "$package" || lacking[${optional_packages[$package]}]+=" $package"
  done
  for what in "${!lacking[@]}"; do
    say "Without${lacking[$what]}, left out: $what"
  done
}

# require_tools: stops unless there is something to build with.
require_tools() {
  local compiler
  command -v cmake >/dev/null ||
    fail "CMake 3.25 or newer is needed, and so are: ${build_packages[*]}"
  for compiler in "${CXX:-}" c++ g++ clang++; do
    [[ -n $compiler ]] && command -v "$compiler" >/dev/null && return
  done
  fail "A C++20 compiler is needed (g++ 12 or clang++ 14, or newer)."
}

# build PRESET [TARGET...]: configures and builds in build/PRESET, with the flags in $NN_CMAKE_FLAGS.
build() {
  local preset=$1 flags
  shift
  read -ra flags <<<"${NN_CMAKE_FLAGS:-}"
  require_tools
  if [[ ! -e $repository/build/$preset/CMakeCache.txt ]] && command -v ninja >/dev/null; then
    export CMAKE_GENERATOR=Ninja
  fi
  say "Building ${*:-everything} in build/$preset"
  quietly cmake -S "$repository" --preset "$preset" "${flags[@]}" || return 1
  with_progress cmake --build "$repository/build/$preset" --parallel "$(nproc)" --target "${@:-all}"
}

# with_progress COMMAND...: as quietly, but shows how far a build by Ninja or Make has come: on a
# terminal in one line, elsewhere every 20 seconds.
with_progress() {
  local log line shown=$SECONDS status=0
  log=$(mktemp)
  "$@" 2>&1 | while IFS= read -r line; do
    printf '%s\n' "$line"
    [[ $line =~ ^\[[^]]+\] ]] || continue
    if [[ -t 2 ]]; then
      printf '\r  %s ' "${BASH_REMATCH[0]}" >&2
    elif ((SECONDS - shown >= 20)); then
      say "  ${BASH_REMATCH[0]}"
      shown=$SECONDS
    fi
  done >"$log" || status=$?
  [[ ! -t 2 ]] || printf '\r%20s\r' '' >&2
  ((status == 0)) || cat "$log" >&2
  rm -f "$log"
  return "$status"
}
