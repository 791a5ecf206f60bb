# Sourced by the other scripts, which stand in the project's root: prepares .venv and what Debian must provide.
# Plain sh, so that the second run costs a few milliseconds.

# Some machines set it for everything; without .pyc files ccxt alone takes six seconds to import.
unset PYTHONDONTWRITEBYTECODE

python=.venv/bin/python

say() { printf 'numatix: %s\n' "$*"; }

fail() {
    printf 'numatix: %s\n' "$*" >&2
    exit 2
}

# prepare run | prepare dev: an environment that holds exactly what the lock names, made once for each state of the lock.
prepare() {
    case $1 in
        run) lock=requirements.lock ;;
        dev) lock=requirements-dev.lock ;;
        *) fail "there is no environment named $1" ;;
    esac
    is_ready "$1" "$lock" && return
    # The development lock holds all of the other at the same versions: one environment serves both.
    if [ "$1" = run ] && is_ready dev requirements-dev.lock && is_superset; then
        stamp run requirements.lock
        return
    fi
    (
        # Two shells may prepare the same checkout at once: the second waits, then finds it done.
        if command -v flock >/dev/null; then flock 9; fi
        is_ready "$1" "$lock" || install "$1" "$lock"
    ) 9<"$lock" || exit
}

install() {
    rm -f .venv/ready-*
    if ! [ -x "$python" ] || ! "$python" -m pip --version >/dev/null 2>&1; then
        make_venv
    fi
    say "installing $(grep -c '^[A-Za-z0-9]' "$2") packages from $2 (once; it may take some minutes)"
    # The lock is complete, so nothing is left to resolve; bytecode comes below, on all cores.
    PIP_USER=0 "$python" -m pip install -qq --disable-pip-version-check --progress-bar off \
        --no-compile --no-deps --use-pep517 --require-hashes --requirement "$2" 9<&- ||
        fail "the packages could not be installed: see above, then run the same command again"
    say "compiling them to bytecode, which makes every later start fast"
    # Some packages ship templates that only look like Python: what does not compile is not imported either.
    "$python" -m compileall -qq -j 0 .venv/lib >/dev/null 2>&1 9<&- || :
    stamp "$1" "$2"
    if [ "$1" = dev ] && is_superset; then stamp run requirements.lock; fi
}

make_venv() {
    base=$(find_python) || fail "Python 3.11 or later is needed, as python3 on the PATH or named by PYTHON=/path/to/python3"
    if ! "$base" -c 'import ensurepip, venv' 2>/dev/null; then
        fail "Python's venv module is missing; this mends it: $(as_root)apt-get install python3-venv"
    fi
    say "making .venv with $("$base" --version 2>&1) ($base)"
    rm -rf .venv
    "$base" -m venv .venv 9<&- || fail "the environment could not be made: see above"
}

# The first interpreter that answers and is new enough: a version switcher's shim may exist and yet not answer.
find_python() {
    for candidate in "${PYTHON:-python3}" python3 /usr/bin/python3 python3.13 python3.12 python3.11; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
            command -v "$candidate"
            return
        fi
    done
    return 1
}

# debian_package COMMAND PACKAGE...: the command is there, or is installed from Debian, or we stop and say what is missing.
debian_package() {
    command=$1
    shift
    command -v "${command:-/nowhere}" >/dev/null && return
    command=${command:-$1}
    mend="$(as_root)apt-get update && $(as_root)apt-get install --yes $*"
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        fail "$command is missing; this mends it: $mend"
    fi
    say "installing $* from Debian (the tests need $command)"
    # Runlevel 1: the tests start servers of their own, Debian's need not run.
    export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1
    { apt-get update -qq && apt-get install --yes -qq --no-install-recommends "$@"; } >/dev/null ||
        fail "$command could not be installed: see above; this mends it: $mend"
}

# What the tests run for real: a browser, a Redis, a PostgreSQL, and the proxy of the profile with several processes.
test_parts() {
    debian_package chromium chromium fonts-liberation
    debian_package redis-server redis-server
    # Its programs stand beside the PATH, in a folder for each version.
    debian_package "$(ls -d /usr/lib/postgresql/*/bin/postgres 2>/dev/null | tail -n 1)" postgresql
    debian_package nginx nginx-light
}

as_root() { [ "$(id -u)" = 0 ] || printf 'sudo '; }

is_ready() {
    ready=
    [ -r ".venv/ready-$1" ] && read -r ready <".venv/ready-$1"
    [ -x "$python" ] && [ "$ready" = "$(state_of "$2")" ]
}

stamp() {
    state_of "$2" >".venv/ready-$1.new"
    mv ".venv/ready-$1.new" ".venv/ready-$1"
}

# One word that changes with the lock, and with the interpreter that the environment was made for.
state_of() {
    { cat "$1" && readlink -f "$python"; } | cksum | tr ' ' '-'
}

# Every pin of requirements.lock stands in requirements-dev.lock too.
is_superset() {
    ! grep '^[A-Za-z0-9]' requirements.lock | grep -vxFf requirements-dev.lock >/dev/null
}
