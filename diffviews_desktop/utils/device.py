"""Choosing a device, under the name of the described system."""

from diffviews_desktop.adapters.device import get_device, get_device_info, move_to_device

__all__ = ["get_device", "get_device_info", "move_to_device"]
