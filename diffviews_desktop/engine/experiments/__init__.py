"""How experiments are drawn and measured: what their handlers are made of."""
