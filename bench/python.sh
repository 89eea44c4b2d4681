# Sets PYTHON to an interpreter that has numpy and scikit-learn (sourced by the bench scripts; set PYTHON to override).
if [ -z "${PYTHON:-}" ]; then
  for candidate in /usr/bin/python3 python3; do
    if "$candidate" -c 'import numpy, sklearn' 2>/dev/null; then PYTHON="$candidate"; break; fi
  done
fi
if [ -z "${PYTHON:-}" ] || ! "$PYTHON" -c 'import numpy, sklearn' 2>/dev/null; then
  echo "bench: no Python with numpy and scikit-learn; on Debian: apt-get install python3-numpy python3-sklearn libopenblas0-pthread" >&2
  exit 69
fi
