# Set-up shared by scripts/demo and scripts/test. Sourced, not run.
#
# Makes .venv beside this folder: Python packages with checked hashes, the project's own wheel, the verified
# speech model and test speech. Every step is skipped when it is already done, and a step that was cut short is
# done again from its start, so a second run never trips over the first.
# Exit code 2 with one sentence means: set-up could not finish, nothing else was touched.
#
# HEARTH_PYTHON    the Python to use, in place of the first fitting one on the PATH
# HEARTH_NO_APT    set: install nothing from Debian
# HEARTH_MIN_FREE_MB  how much room must be free before the first run starts

here=$(CDPATH='' cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
venv="$here/.venv"
log="$here/.setup.log"
step_number=0
packages=       # what dpkg says of those asked for
step_began_at=0 # where in the log the current step's lines begin

# What a person has set for other work must not reach into the project's own environment.
unset PYTHONHOME PYTHONPATH PIP_USER PIP_TARGET PIP_PREFIX PIP_REQUIRE_VIRTUALENV

say() { printf '%s\n' "$*" >&2; }
refuse() { say "$1"; exit 2; }
is_writable() { (: >>"$1") 2>/dev/null; }
free_mb() { df -Pk "$here" 2>/dev/null | awk 'NR==2 {print int($4 / 1024)}'; }

beat() { # beat "line so far": shows that a long step goes on, until it is ended or this script is gone
  local waited=0 pause=10 fetched nothing
  [ -t 2 ] && pause=1
  exec {nothing}<> <(:)
  while read -rt "$pause" -u "$nothing"; [ $? -gt 128 ] && kill -0 $$ 2>/dev/null; do
    waited=$((waited + pause))
    if [ -t 2 ]; then printf '\r%s%d s ' "$1" "$waited" >&2; continue; fi
    fetched=$(du -sm "$venv" 2>/dev/null | cut -f1)
    printf '\n     still at it: %d s%s ... ' "$waited" "${fetched:+, $fetched MB in .venv}" >&2
  done
}

step() { # step "what is happening" command...: one line before, one after, the details in the log
  local what=$1 started=$SECONDS line result beating; shift
  step_number=$((step_number + 1))
  step_began_at=$(stat -c %s "$log" 2>/dev/null || echo 0)
  line="  $step_number. $what ... "
  printf '%s' "$line" >&2
  beat "$line" 9>&- & beating=$!
  "$@" >>"$log" 2>&1
  result=$?
  { kill "$beating" && wait "$beating"; } 2>/dev/null
  [ -t 2 ] && printf '\r\033[K%s' "$line" >&2
  if [ $result = 0 ]; then printf 'done (%d s)\n' $((SECONDS - started)) >&2; else printf 'stopped\n' >&2; fi
  return $result
}

why_it_failed() { # turns what the failed step wrote into the log into one sentence
  local lines free; lines=$(tail -c "+$((step_began_at + 1))" "$log" 2>/dev/null); free=$(free_mb)
  if grep -qiE 'No space left on device|Errno 28|Disk quota exceeded|Errno 122' <<<"$lines" || [ "${free:-99}" -lt 3 ]; then
    echo "The disk is full: free about 2 GB and run this again."
  elif grep -qiE 'hashes? (do not|don.t) match|DO NOT MATCH THE HASHES' <<<"$lines"; then
    echo "A downloaded package does not match its recorded hash and was not installed: try again later, or report it."
  elif grep -qiE 'NewConnectionError|ConnectTimeout|Temporary failure in name|Name or service not known|Network is unreachable|Could not fetch URL|ProxyError|ReadTimeout|Connection (refused|reset|broken)|SSLError|IncompleteRead|did not arrive within' <<<"$lines"; then
    echo "The package index cannot be reached: connect this machine to the network and run this again."
  elif grep -qiE 'No matching distribution|could not find a version' <<<"$lines"; then
    echo "The package index has no ready-made $(sed -nE 's/.*No matching distribution found for ([^ ;]+).*/\1/p' <<<"$lines" | tail -n 1) for this machine ($(uname -m)): Digital Hearth runs on 64-bit Intel and ARM."
  elif grep -qiE 'Permission denied|Errno 13|Read-only file system' <<<"$lines"; then
    echo "Something in $here belongs to somebody else and cannot be written: clone the project to a place of your own and run this there."
  else
    echo "Set-up stopped; the last lines of $log say why: $(tail -n 1 <<<"$lines" | cut -c1-200)"
  fi
}

fits() { "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; }
makes_environments() { "$1" -c 'import ensurepip, venv; ensurepip.version()' 2>/dev/null; }

find_python() { # prints the first fitting Python; one that can make environments goes before one that cannot
  local candidate fallback=
  if [ -n "${HEARTH_PYTHON:-}" ]; then fits "$HEARTH_PYTHON" && command -v "$HEARTH_PYTHON"; return; fi
  for candidate in python3 python3.13 python3.12 python3.11 /usr/bin/python3; do
    fits "$candidate" || continue
    makes_environments "$candidate" && { command -v "$candidate"; return 0; }
    fallback=${fallback:-$candidate}
  done
  [ -n "$fallback" ] && command -v "$fallback"
}

no_python() { # the sentence for that
  local found; found=$("${HEARTH_PYTHON:-python3}" -V 2>&1)
  if [[ $found =~ ^Python\ [0-9.]+ ]]; then found="${BASH_REMATCH[0]}"; else found="none"; fi
  echo "Python 3.11, 3.12 or 3.13 is needed and ${HEARTH_PYTHON:-this machine} has $found: install one (Debian: python3) and run this again."
}

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi; }
can_be_root() { [ "$(id -u)" = 0 ] || { command -v sudo >/dev/null && sudo -n true 2>/dev/null; }; }
may_install() { [ -z "${HEARTH_NO_APT:-}" ] && can_be_root; }
look_at_packages() { packages=$(dpkg-query -W -f='${Package} ${db:Status-Status}\n' "${@%%:*}" 2>/dev/null); }
has_package() { grep -qxF "$1 installed" <<<"$packages"; }
joined() { local all; all=$(printf '%s; ' "$@"); echo "${all%; }"; }

install_packages() { # nothing of the system is ever removed for it (PulseAudio would push out PipeWire's)
  export DEBIAN_FRONTEND=noninteractive
  local get=(as_root apt-get -o DPkg::Lock::Timeout=300 -y --no-install-recommends --no-remove) name
  "${get[@]}" install "$@" && return 0
  as_root apt-get update
  "${get[@]}" install "$@" && return 0
  for name in "$@"; do "${get[@]}" install "$name"; done
}

debian_packages() { # debian_packages "name:why:what stands in" ...: installs what may be, says what stands in for the rest
  local wanted=() reasons=() entry name why instead
  command -v dpkg-query >/dev/null && command -v apt-get >/dev/null || {
    say "This is not a Debian system: what is not installed by other means has a shipped stand-in, named where it steps in."
    return 0
  }
  look_at_packages "$@"
  for entry in "$@"; do
    IFS=: read -r name why instead <<<"$entry"
    has_package "$name" || { wanted+=("$entry"); reasons+=("$name, $why"); }
  done
  [ ${#wanted[@]} -eq 0 ] && return 0
  if ! may_install; then
    say "Some Debian packages are missing, and installing them needs root or sudo: $(stand_ins "${wanted[@]}")."
    say "To have them: sudo apt install ${wanted[*]%%:*}"
    return 0
  fi
  say "Installing from Debian: $(joined "${reasons[@]}")."
  step "Debian packages" install_packages "${wanted[@]%%:*}"
  look_at_packages "$@"
  why=$(stand_ins "${wanted[@]}")
  [ -z "$why" ] || say "Debian did not give every package: $why."
}

stand_ins() { # "without A, B this stands in; without C that does" for those of the packages that are not there
  local entry name instead order=() lines=()
  local -A without=()
  for entry in "$@"; do
    name=${entry%%:*}; instead=${entry##*:}
    has_package "$name" && continue
    [ -n "${without[$instead]:-}" ] || order+=("$instead")
    without[$instead]+="${without[$instead]:+, }$name"
  done
  [ ${#order[@]} -eq 0 ] && return 0
  for instead in "${order[@]}"; do lines+=("without ${without[$instead]} $instead"); done
  joined "${lines[@]}"
}

fingerprint() { # of all that the installed wheel is made from
  (cd "$here" && find audio hardware archive kiosk pyproject.toml LICENSE -type f ! -name '*.pyc' -print0 | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum | cut -d' ' -f1)
}

environment_works() { # it lies where it was made (its scripts hold the path), and its Python still is there and fits
  stamp_is .environment "$venv" && fits "$venv/bin/python" && "$venv/bin/python" -c 'import pip' 2>/dev/null &&
    { [ -z "${HEARTH_PYTHON:-}" ] || [ "$(python_of "$venv/bin/python")" = "$(python_of "$HEARTH_PYTHON")" ]; }
}
python_of() { "$1" -c 'import sys; print(sys.version, sys.base_prefix)' 2>/dev/null; }
lock_stamp() { sha256sum <"$here/locks/$1" | cut -d' ' -f1; }
stamp_is() { [ -n "$2" ] && [ "$(cat "$venv/$1" 2>/dev/null)" = "$2" ]; }
stamp() { { printf '%s' "$2" >"$venv/$1"; } 2>/dev/null || refuse "$(why_it_failed)"; }
packages_are_here() { # the lock for tests contains the one for running, so an environment made for tests serves the demo too
  stamp_is .packages "$(lock_stamp "$1")" || stamp_is .packages "$(lock_stamp test.txt)"
}
is_ready() { # is_ready LOCK: nothing is left to do but to look at the model
  [ -x "$venv/bin/hearth" ] && packages_are_here "$1" && environment_works && stamp_is .project "$(fingerprint)"
}

# pip keeps its cuttings beside what it builds: one disk to watch, and what a killed run leaves goes with the next.
pip() { mkdir -p "$venv/tmp" && TMPDIR="$venv/tmp" "$venv/bin/python" -m pip "$@" --disable-pip-version-check --no-input; }
make_environment() { rm -rf "$venv" && "$1" -m venv "$venv"; }
install_locked() { pip install --require-hashes -r "$here/locks/$1" && sync -f "$venv"; }
install_project() {
  local wheels="$venv/tmp/wheels" result
  rm -rf "$wheels" "$here/build"
  pip wheel --no-deps --no-build-isolation --no-index -w "$wheels" "$here" &&
    pip install --no-deps --no-index --force-reinstall "$wheels"/*.whl
  result=$?
  rm -rf "$venv/tmp" "$here/build" "$here"/*.egg-info
  return $result
}
# What a killed fetch left goes first; nobody else fetches into this folder while we hold its lock.
fetch_model() { rm -rf "$venv"/share/hearth/.fetch-* "$venv"/share/hearth/models/.fetch-*; mkdir -p "$venv/tmp" && TMPDIR="$venv/tmp" "$venv/bin/hearth" models fetch "$1"; }

take_turn() { # one set-up at a time in this folder
  exec 9>>"$here/.setup.lock"
  command -v flock >/dev/null || return 0
  flock -n 9 && return 0
  say "Another set-up is running in this folder; waiting for it."
  local waited=0
  until flock -w 10 9; do waited=$((waited + 10)); say "     still waiting: $waited s"; done
}

usage() { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0"; } # what stands at the top of the script
asked_for_help() { # asked_for_help "$@": whoever asks what a script does has set nothing up, and need not wait for it
  local word
  for word in "$@"; do case $word in -h | --help) return 0 ;; esac; done
  return 1
}

set_up() { # set_up LOCK "Debian package:why:what stands in" ...
  local lock=$1 python=; shift
  trap 'say ""; say "Interrupted; the next run does again what was not finished."; exit 130' INT
  if ! is_writable "$here/.setup.lock" || ! is_writable "$log"; then
    is_ready "$lock" && { log=/dev/null; trap - INT; return 0; }
    [ "$(free_mb)" -gt 0 ] 2>/dev/null || refuse "The disk is full: free about 2 GB and run this again."
    refuse "The folder $here cannot be written: clone the project to a place of your own and run this there."
  fi
  take_turn
  : >"$log"
  is_ready "$lock" || python=$(find_python) || refuse "$(no_python)"
  [ -z "$python" ] || check_room "$lock"
  debian_packages "$@"
  [ -z "$python" ] || build_environment "$lock" "$python"
  fetch_models
  rm -rf "$venv/tmp"
  exec 9>&-
  trap - INT
}

can_grow() { environment_works && [ -e "$venv/.packages" ]; } # whole as it is, be it made for another lock

check_room() { # check_room LOCK
  local need=1500 free
  packages_are_here "$1" && can_grow && return 0
  can_grow && need=500
  need=${HEARTH_MIN_FREE_MB:-$need}; free=$(free_mb)
  [ "${free:-0}" -ge "$need" ] || refuse "The disk is too full: $free MB are free and about $need MB are needed; free some and run this again."
}

build_environment() { # build_environment LOCK PYTHON
  local lock=$1 python=$2
  if ! can_grow; then
    makes_environments "$python" || ! may_install || debian_packages "python3-venv:makes the project's own environment:there is no environment"
    makes_environments "$python" || refuse "This Python ($python) cannot make virtual environments: install python3-venv and run this again."
    say "First run: about 500 MB of Python packages go into .venv; a few minutes on a slow line."
    step "Python environment" make_environment "$python" || refuse "$(why_it_failed)"
    stamp .environment "$venv"
  fi
  if ! packages_are_here "$lock"; then
    rm -f "$venv/.packages"
    step "Python packages, hashes checked" install_locked "$lock" || refuse "$(why_it_failed)"
    stamp .packages "$(lock_stamp "$lock")"
  fi
  if ! stamp_is .project "$(fingerprint)" || [ ! -x "$venv/bin/hearth" ]; then
    rm -f "$venv/.project"
    step "Digital Hearth itself" install_project || refuse "$(why_it_failed)"
    stamp .project "$(fingerprint)"
  fi
}

fetch_models() {
  # One look for all: a model whose files have changed since they were verified counts as missing.
  local here_now; here_now=$("$venv/bin/hearth" models 2>>"$log")
  missing_model() { ! grep -q "^$1  here" <<<"$here_now"; }
  if missing_model tiny.en; then
    step "speech model tiny.en (75 MB), checked" fetch_model tiny.en || refuse "$(why_it_failed)"
  fi
  if missing_model base; then
    step "speech model base (145 MB) for other languages than English, checked" fetch_model base ||
      say "The model for other languages was not fetched: $(why_it_failed) English works; run this again for the others."
  fi
  if missing_model speech; then
    step "real speech to try it with" fetch_model speech || say "The test speech was not fetched: $(why_it_failed)"
  fi
  if missing_model meaning; then
    step "model of meaning (91 MB) for an archive's search, checked" fetch_model meaning ||
      say "The model of meaning was not fetched: $(why_it_failed) An archive searches by words alone; its tests say so."
  fi
  if missing_model voices; then
    step "model of voices (17 MB) for who spoke when, checked" fetch_model voices ||
      say "The model of voices was not fetched: $(why_it_failed) Nobody proposes who spoke when; its tests say so."
  fi
}

SOUND_AND_SCREEN=(
  "libportaudio2:sound in and out:recorded speech stands in for the microphone and nothing is played aloud"
  "fonts-noto-core:letters of every language on the screen:the font inside pygame writes the screens"
  "fonts-noto-cjk:Chinese letters on the screen:empty boxes stand for them, and tests that measure them are skipped"
  "pulseaudio:a virtual microphone and speaker where there is no sound card:recorded speech goes straight into the box"
  "pulseaudio-utils:feeds the virtual microphone:recorded speech goes straight into the box"
  "libasound2-plugins:joins the virtual sound to PortAudio:recorded speech goes straight into the box"
  "xvfb:a virtual screen:screens are drawn in memory and tests of the window are skipped"
  "espeak-ng:a spoken voice in any language:tests of spoken languages are skipped"
  "pocketsphinx-testdata:public-domain speech with its transcription:the fetched speech alone is used"
)
