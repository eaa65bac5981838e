"""An adapter that cannot be imported."""

raise RuntimeError("the licence of this model has run out")
