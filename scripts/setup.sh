# Set-up shared by scripts/demo and scripts/test. Sourced, not run.
#
# Makes .venv beside this folder: Python packages with checked hashes, the project's own wheel, the verified
# speech model and test speech. Every step is skipped when it is already done, and a step that was cut short is
# done again from its start, so a second run never trips over the first.
# Exit code 2 with one sentence means: set-up could not finish, nothing else was touched.

here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
venv="$here/.venv"
log="$here/.setup.log"
step_number=0

say() { printf '%s\n' "$*" >&2; }
refuse() { say "$1"; exit 2; }

step() { # step "what is happening" command...: one line before, one after, the details in the log
  local what=$1 started=$SECONDS; shift
  step_number=$((step_number + 1))
  printf '  %d. %s ... ' "$step_number" "$what" >&2
  if "$@" >>"$log" 2>&1; then printf 'done (%d s)\n' $((SECONDS - started)) >&2; return 0; fi
  printf 'stopped\n' >&2
  return 1
}

why_it_failed() { # turns the end of the log into one sentence
  if grep -qiE 'No space left on device|Errno 28' "$log"; then
    echo "The disk is full: free about 2 GB and run this again."
  elif grep -qiE 'hashes? (do not|don.t) match|DO NOT MATCH THE HASHES' "$log"; then
    echo "A downloaded package does not match its recorded hash and was not installed: try again later, or report it."
  elif grep -qiE 'NewConnectionError|ConnectTimeout|Temporary failure in name|Name or service not known|Network is unreachable|Could not fetch URL|No matching distribution|ProxyError|ReadTimeout|Connection (refused|reset)' "$log"; then
    echo "The package index cannot be reached: connect this machine to the network once and run this again."
  else
    echo "Set-up stopped; the last lines of $log say why: $(tail -n 1 "$log" | cut -c1-200)"
  fi
}

find_python() {
  local candidate
  for candidate in "${HEARTH_PYTHON:-}" python3 python3.13 python3.12 python3.11 /usr/bin/python3; do
    [ -n "$candidate" ] || continue
    if "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then
      command -v "$candidate"; return 0
    fi
  done
  return 1
}

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi; }
can_be_root() { [ "$(id -u)" = 0 ] || { command -v sudo >/dev/null && sudo -n true 2>/dev/null; }; }

debian_packages() { # debian_packages name:why ...: installs what is missing where that is allowed, says what is not
  command -v dpkg-query >/dev/null && command -v apt-get >/dev/null || { say "This is not a Debian system: steps that need its packages use the shipped stand-ins."; return 0; }
  local missing=() reasons=() entry name
  for entry in "$@"; do
    name=${entry%%:*}
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$name" 2>/dev/null)" = installed ] && continue
    missing+=("$name"); reasons+=("$name (${entry#*:})")
  done
  [ ${#missing[@]} -eq 0 ] && return 0
  local list; list=$(printf '%s, ' "${reasons[@]}"); list=${list%, }
  if [ -n "${HEARTH_NO_APT:-}" ] || ! can_be_root; then
    say "Not installed and not installable from here: $list. Their steps use the shipped stand-ins."
    return 0
  fi
  say "Installing from Debian: $list."
  install_them() {
    export DEBIAN_FRONTEND=noninteractive
    as_root apt-get install -y --no-install-recommends "${missing[@]}" ||
      { as_root apt-get update && as_root apt-get install -y --no-install-recommends "${missing[@]}"; }
  }
  step "Debian packages" install_them || say "Debian's packages could not be installed; their steps use the shipped stand-ins."
}

fingerprint() { # of all that the installed wheel is made from
  (cd "$here" && find audio hardware archive kiosk pyproject.toml LICENSE -type f ! -name '*.pyc' -print0 | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum | cut -d' ' -f1)
}

setup_environment() { # setup_environment LOCK
  local lock=$1 python want have_space
  : >"$log" 2>/dev/null || refuse "The folder $here cannot be written: clone the project to a place of your own and run this there."
  exec 9>"$here/.setup.lock"; flock -n 9 || { say "Another set-up is running in this folder; waiting for it."; flock 9; }
  python=$(find_python) || refuse "Python 3.11, 3.12 or 3.13 is needed and was not found: install one (Debian: python3) and run this again."
  want="$("$python" -V 2>&1) $(sha256sum <"$here/locks/$lock" | cut -d' ' -f1)"
  # The test lock contains the run lock, so an environment made for tests serves the demo too.
  local with_tests; with_tests="$("$python" -V 2>&1) $(sha256sum <"$here/locks/test.txt" | cut -d' ' -f1)"
  local have; have=$(cat "$venv/.packages" 2>/dev/null || true)
  if [ "$have" != "$want" ] && [ "$have" != "$with_tests" ]; then
    have_space=$(df -Pk "$here" | awk 'NR==2 {print int($4 / 1024)}')
    [ "${have_space:-0}" -ge "${HEARTH_MIN_FREE_MB:-1500}" ] || refuse "The disk is too full: $have_space MB are free and about 1,500 MB are needed; free some and run this again."
    say "First run: about 500 MB of Python packages are fetched into .venv; a few minutes on a slow line."
    if [ -z "$have" ] || [ "${have%% [0-9a-f]*}" != "${want%% [0-9a-f]*}" ]; then
      rm -rf "$venv"
      if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        debian_packages "python3-venv:makes the project's own environment"
        "$python" -c 'import ensurepip, venv' 2>/dev/null || refuse "This Python cannot make virtual environments: install python3-venv and run this again."
      fi
      step "Python environment" "$python" -m venv "$venv" || { rm -rf "$venv"; refuse "$(why_it_failed)"; }
    fi
    rm -f "$venv/.packages"
    step "Python packages, hashes checked" "$venv/bin/python" -m pip install --disable-pip-version-check --no-input --require-hashes -r "$here/locks/$lock" || refuse "$(why_it_failed)"
    printf '%s' "$want" >"$venv/.packages"
  fi
  want=$(fingerprint)
  if [ "$(cat "$venv/.project" 2>/dev/null || true)" != "$want" ]; then
    rm -rf "$here/build" "$venv/.project"
    step "Digital Hearth itself" install_project || refuse "$(why_it_failed)"
    printf '%s' "$want" >"$venv/.project"
  fi
  if ! "$venv/bin/hearth" models verify tiny.en >>"$log" 2>&1; then
    step "speech model tiny.en (75 MB), checked" "$venv/bin/hearth" models fetch tiny.en || refuse "$(why_it_failed)"
  fi
  if ! "$venv/bin/hearth" models verify speech >>"$log" 2>&1; then
    step "real speech to try it with" "$venv/bin/hearth" models fetch speech || say "The test speech could not be fetched ($(why_it_failed)) A synthetic voice takes its place."
  fi
  flock -u 9
}

install_project() {
  local wheels; wheels=$(mktemp -d) || return 1
  "$venv/bin/python" -m pip wheel --disable-pip-version-check --no-deps --no-build-isolation --no-index -w "$wheels" "$here" &&
    "$venv/bin/python" -m pip install --disable-pip-version-check --no-deps --no-index --force-reinstall "$wheels"/*.whl
  local result=$?
  rm -rf "$wheels" "$here/build" "$here"/*.egg-info
  return $result
}

SOUND_AND_SCREEN=(
  "libportaudio2:sound in and out"
  "fonts-noto-core:letters of every language on the screen"
  "pulseaudio:a virtual microphone and speaker where there is no sound card"
  "pulseaudio-utils:feeds the virtual microphone"
  "libasound2-plugins:joins the virtual sound to PortAudio"
  "xvfb:a virtual screen"
  "espeak-ng:a spoken voice in any language"
  "pocketsphinx-testdata:public-domain speech with its transcription"
)
