# Sets PYTHON to an interpreter that has the modules in $modules, by default numpy and sklearn (sourced by the bench scripts;
# set PYTHON to override).
modules="${modules:-numpy sklearn}"
has_modules() { "$1" -c "import ${modules// /, }" 2>/dev/null; }
if [ -z "${PYTHON:-}" ]; then
  for candidate in /usr/bin/python3 python3; do
    if has_modules "$candidate"; then PYTHON="$candidate"; break; fi
  done
fi
if [ -z "${PYTHON:-}" ] || ! has_modules "$PYTHON"; then
  packages="$(for module in $modules; do echo "python3-$module"; done | paste -sd' ')"
  echo "bench: no Python with ${modules// /, }; on Debian: apt-get install $packages libopenblas0-pthread" >&2
  exit 69
fi
