#!/bin/sh
# Install the Debian packages that airlift needs, as far as they are missing.
#
#   scripts/install-deps.sh [demo|test|ci|bench]
#
# demo: build airlift and run `make demo` (the default). test: `make test` too. ci: what .ci/run
# checks with as well. bench: `make bench`. Asks nothing; uses sudo when it is not run by root.
set -eu

demo='gcc libc6-dev make cmake ninja-build pkg-config git ca-certificates
      libmbedtls-dev libmicrohttpd-dev libgnutls28-dev libcurl4-openssl-dev
      libcjson-dev libsqlite3-dev libssl-dev libmosquitto-dev libexpat1-dev libcsv-dev libdivsufsort-dev libavahi-client-dev libhttp-parser-dev
      python3 python3-kconfiglib openssl curl'
test="$demo libcmocka-dev procps python3-cryptography softhsm2 opensc libengine-pkcs11-openssl mosquitto mosquitto-clients dbus avahi-daemon avahi-utils awscli chromium"
# Node.js may have come from elsewhere: Debian's packages only where there is none.
command -v node > /dev/null && command -v npm > /dev/null || test="$test nodejs npm"
ci="$test clang libclang-rt-14-dev clang-format clang-tidy shellcheck gcc-riscv64-unknown-elf"
bench="$demo bsdiff xdelta3 zstd time"

target=${1:-demo}
case $target in
demo) packages=$demo ;;
test) packages=$test ;;
ci) packages=$ci ;;
bench) packages=$bench ;;
-h | --help)
    sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p;}' "$0"
    exit 0
    ;;
*)
    echo "usage: $0 [demo|test|ci|bench]" >&2
    exit 2
    ;;
esac

if ! command -v dpkg-query >/dev/null; then
    echo "install-deps: this is not a Debian system; please install the equivalents of:" >&2
    echo "$packages" >&2
    exit 1
fi

installed() {
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

missing=
for package in $packages; do
    installed "$package" || missing="$missing $package"
done
if [ -z "$missing" ]; then
    echo "install-deps: everything for '$target' is installed"
    exit 0
fi

sudo=
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "install-deps: not root, and there is no sudo; run as root: apt-get install$missing" >&2
        exit 1
    fi
    sudo=sudo
fi

# Package lists may be absent (container images ship none) or older than the mirror.
known() {
    for package in $missing; do
        apt-cache show --no-all-versions "$package" >/dev/null 2>&1 || return 1
    done
}
install() {
    # shellcheck disable=SC2086 # a list of words
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends -q $missing
}

echo "install-deps: installing for '$target':$missing"
if ! known || ! install; then
    echo "install-deps: refreshing the package lists"
    $sudo apt-get update -q
    install
fi

for package in $missing; do
    if ! installed "$package"; then
        echo "install-deps: $package is still missing" >&2
        exit 1
    fi
done
echo "install-deps: done"
