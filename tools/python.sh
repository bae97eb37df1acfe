#!/bin/sh
# Builds CPython 3.13 from Debian's source of it: `python.sh 3.13t` without the global lock, `python.sh 3.13` with it.
# Once: what lies in the cache already is only named. Two so built differ in nothing else, so a comparison is of the lock.
# No profile-guided optimisation: it would take twenty minutes instead of some. Needs apt, a C compiler and make; for
# the server's mode process=N (ctypes) libffi-dev too.
set -eu

version=${1:?say which: 3.13t or 3.13}
case $version in
  3.13t) lock=--disable-gil ;;
  3.13) lock= ;;
  *) echo "python.sh: there is no recipe for $version: say 3.13t or 3.13" >&2; exit 2 ;;
esac
cache=${XDG_CACHE_HOME:-$HOME/.cache}/lockstep
python=$cache/python$version/bin/python$version

if ! [ -x "$python" ]; then
  for tool in apt-get cc make tar xz; do
    command -v "$tool" >/dev/null || { echo "python.sh: there is no $tool: install it, or get a $version by other means" >&2; exit 2; }
  done
  mkdir -p "$cache"
  work=$(mktemp -d "$cache/build-XXXXXX")
  trap 'rm -rf "$work"' EXIT
  cd "$work"
  # Lists of its own: what this machine installs from stays as it is. The mirror is the one that it uses anyway.
  mirror=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | sed -n 's|.*\(https\{0,1\}://[^ ]*/debian\)/\{0,1\}\( .*\)\{0,1\}$|\1|p' | head -n 1)
  [ -n "$mirror" ] || { echo "python.sh: apt here has no mirror of Debian: get a $version by other means" >&2; exit 2; }
  mkdir -p apt/lists/partial apt/cache/archives/partial
  echo "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror trixie main" >apt/sources.list
  own_apt() {
    apt-get -qq -o Dir::Etc::sourcelist="$work/apt/sources.list" -o Dir::Etc::sourceparts=- \
      -o Dir::State::lists="$work/apt/lists" -o Dir::Cache="$work/apt/cache" -o APT::Sandbox::User= "$@"
  }
  echo "python.sh: fetching the source of Python 3.13" >&2
  own_apt update
  own_apt source --download-only python3.13 >/dev/null
  tar -xf python3.13_*.orig.tar.xz
  cd [Pp]ython*/
  echo "python.sh: building $version, some minutes; what it says is in $cache/python$version.log" >&2
  {
    ./configure --prefix="$work/python$version" --without-ensurepip --disable-test-modules $lock &&
      make -j "$(nproc)" && make altinstall
  } >"$cache/python$version.log" 2>&1 || { echo "python.sh: it failed, see the end of $cache/python$version.log" >&2; exit 2; }
  mv "$work/python$version" "$cache/python$version"
fi
echo "$python"
