#!/bin/sh
set -e
# Debian says "remove" or "purge", RPM how many versions are left
case "$1" in
  remove | purge | 0)
    echo "DiffViews is removed. What its users made stays in their homes: settings, the demo and"
    echo "adapters in ~/.local/share/diffviews-desktop, maps in ~/.cache/diffviews-desktop."
    ;;
esac
exit 0
