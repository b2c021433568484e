# shellcheck shell=bash
# What the scripts share: packages of Debian's, and steps that are timed. To be sourced, in bash.

as_root=()
if [ "$(id -u)" -ne 0 ]; then
    as_root=(sudo -n)
fi

# Installs those of the named Debian packages that are missing, as root or by sudo; without either,
# lists them and fails. A shell of its own, for its trap.
install_packages() (
    local package missing=()
    for package in "$@"; do
        dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    echo "installing: ${missing[*]}"
    if ! "${as_root[@]}" true; then
        printf 'Neither root nor sudo without a password. Install these, then run again:\n  %s\n' "${missing[*]}" >&2
        return 1
    fi
    # The tests start servers of their own; the packages' must not start theirs.
    local policy=/usr/sbin/policy-rc.d
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
        "${as_root[@]}" chmod 755 "$policy"
        # shellcheck disable=SC2064 # the array is to be expanded now
        trap "${as_root[*]} rm -f $policy" EXIT
    fi
    "${as_root[@]}" apt-get update -qq
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends "${missing[@]}"
)

step_names=()
step_results=()
step_seconds=()
failed=0

# shellcheck disable=SC2034 # `failed` is the exit code of whoever sources this
# Runs one step, and goes on when it fails: one run tells everything that is wrong.
step() {
    local name=$1 start=$SECONDS result=ok
    shift
    printf '\n== %s\n' "$name"
    "$@" || {
        result=FAILED
        failed=1
    }
    step_names+=("$name")
    step_results+=("$result")
    step_seconds+=($((SECONDS - start)))
}

# Prints how long each step took and how it ended.
summary() {
    local i
    printf '\n== summary\n'
    for i in "${!step_names[@]}"; do
        printf '%5d s  %-26s %s\n' "${step_seconds[$i]}" "${step_names[$i]}" "${step_results[$i]}"
    done
    printf '%5d s  in all\n' "$SECONDS"
}
