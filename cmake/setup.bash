# Sourced by examples/run, tests/run and .ci/run: gets what a build needs, and builds.

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# What the programs and tests are built from and run with, by the names of Debian and Ubuntu; then
# what only some tests need.
build_packages=(g++ cmake ninja-build libeigen3-dev zlib1g-dev libstb-dev nlohmann-json3-dev
  libcli11-dev doctest-dev gnuplot-nox)
test_packages=(libonnx-dev libprotobuf-dev)

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
  quietly cmake --build "$repository/build/$preset" --parallel "$(nproc)" --target "${@:-all}"
}
