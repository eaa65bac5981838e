#!/bin/sh
# Installs DiffViews for you alone, without root: ./install.sh [--prefix DIR]
# The program goes to DIR/lib, its command to DIR/bin, its entry in the menu to DIR/share.
# DIR is ~/.local unless you name another. An older version is replaced; what you made stays.
set -eu
prefix=$HOME/.local
case "${1:-}" in
  "") ;;
  --prefix) prefix=${2:?name a folder after --prefix} ;;
  *) echo "usage: ./install.sh [--prefix DIR]" >&2; exit 2 ;;
esac
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$prefix/lib" "$prefix/bin"
prefix=$(cd "$prefix" && pwd)
place=$prefix/lib/diffviews-desktop
new=$place.new.$$
trap 'rm -rf "$new"' EXIT
trap 'exit 130' INT TERM

cp -R "$here/program" "$new"
cp "$here/uninstall.sh" "$new/uninstall.sh"
"$new/diffviews-desktop" --version >/dev/null || {
  echo "The program does not start here; nothing was installed." >&2
  exit 1
}
if [ -e "$place" ]; then
  mv "$place" "$place.old.$$"
fi
mv "$new" "$place"
rm -rf "$place.old.$$"
ln -sf "$place/diffviews-desktop" "$prefix/bin/diffviews-desktop"
(cd "$here/share" && find . -type f) | while IFS= read -r file; do
  mkdir -p "$prefix/share/$(dirname "$file")"
  cp "$here/share/$file" "$prefix/share/$file"
done
# the menu may not look into the folder of the command; quotes as the format of its files asks for
quoted=$(printf '%s' "$prefix/bin/diffviews-desktop" | sed 's/[\\"`$]/\\\\&/g; s/%/%%/g; s/[\\&|]/\\&/g')
entry=$prefix/share/applications/diffviews-desktop.desktop
sed "s|^Exec=diffviews-desktop|Exec=\"$quoted\"|" "$here/share/applications/diffviews-desktop.desktop" >"$entry"
for update in "update-desktop-database $prefix/share/applications" "update-mime-database $prefix/share/mime"; do
  command -v "${update%% *}" >/dev/null 2>&1 && "${update%% *}" "${update#* }" >/dev/null 2>&1 || true
done
case ":$PATH:" in
  *":$prefix/bin:"*) command=diffviews-desktop ;;
  *) command=$prefix/bin/diffviews-desktop ;;
esac
version=$("$place/diffviews-desktop" --version)
printf '%s\n' "DiffViews ${version##* } is installed in $place." \
  "Start it from the menu, or with: $command" "To remove it: $place/uninstall.sh"
