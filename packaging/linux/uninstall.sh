#!/bin/sh
# Removes what install.sh has installed; what you made with DiffViews stays.
set -eu
place=$(cd "$(dirname "$0")" && pwd)
prefix=$(cd "$place/../.." && pwd)
if [ "$place" != "$prefix/lib/diffviews-desktop" ]; then
  echo "Run the uninstall.sh of the installed program: ~/.local/lib/diffviews-desktop/uninstall.sh" >&2
  exit 2
fi
@FILES@
rm -f "$prefix/bin/diffviews-desktop"
cd /
rm -rf "$place"
for update in "update-desktop-database $prefix/share/applications" "update-mime-database $prefix/share/mime"; do
  command -v "${update%% *}" >/dev/null 2>&1 && "${update%% *}" "${update#* }" >/dev/null 2>&1 || true
done
data=${XDG_DATA_HOME:-$HOME/.local/share}/diffviews-desktop
cache=${XDG_CACHE_HOME:-$HOME/.cache}/diffviews-desktop
printf '%s\n' "DiffViews is removed. What you made stays: settings, the demo and adapters in $data," \
  "maps in $cache. Delete these folders if you want that gone, too."
