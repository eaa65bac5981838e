"""Sessions in files: what a window shows and has drawn, to be shown again.

`saved.py` has what a session holds, as values; `form.py` how JSON has it; `members.py` the archive
or the folder that it lies in; `writing.py` and `reading.py` go from the one to the other, and
`migrations.py` brings older files up to date. `restoring.py` puts a session onto samples.

A file is a zip archive with the ending ``.diffviews``: ``session.json`` and a ``run-<id>.json`` for
each run, beside them arrays as ``.npy``, not compressed. Nothing in it is code.
"""
