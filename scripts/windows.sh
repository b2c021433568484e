# shellcheck shell=bash disable=SC2034 # the variables are for whoever sources this
# What the scripts for Windows share: Debian's compiler, which carries the source of the standard library
# and so builds it for any target. To be sourced, in bash, after lib.sh.

gnu=x86_64-pc-windows-gnu
msvc=x86_64-pc-windows-msvc

# rustc with std's source, clippy of the same version, mingw; wixl and msibuild; the tools of the
# inventory and of signing.
windows_packages=(rustc-web rust-web-src rust-web-clippy gcc-mingw-w64-x86-64 wixl msitools jq osslsigncode)

# cargo, with that compiler, for that target: COMMAND TARGET [ARGUMENT…].
windows_cargo() {
    local command=$1 target=$2
    shift 2
    # Paths of this machine have no place in a program; those of the source tree are relative as it is.
    local registry=${CARGO_HOME:-$HOME/.cargo}/registry/src
    local std=/usr/lib/rustlib/src/rust
    # rustc-web calls itself stable; std is built by what only nightly is asked for.
    RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1 PATH=/usr/bin:$PATH \
        CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-target/windows} \
        CFLAGS_x86_64_pc_windows_gnu="-ffile-prefix-map=$registry=registry" \
        RUSTFLAGS="--remap-path-prefix=$registry=registry --remap-path-prefix=$std=rust" \
        SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)} \
        cargo "${command_prefix[@]}" "$command" -Zbuild-std=std,panic_abort,panic_unwind \
        --target "$target" --locked "$@"
}
command_prefix=()
