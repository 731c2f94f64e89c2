"""On which device a study trains: the field `device`, wherever in its configuration it stands."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

from defib.errors import UsageError

Config = TypeVar("Config")
FIELD = "device"


def on_device(config: Config, device: str) -> Config:
    """`config` with `device` in every field of that name; itself where it has none."""
    if not is_dataclass(config) or isinstance(config, type):
        return config
    changed: dict[str, Any] = {}
    for each in fields(config):
        value = getattr(config, each.name)
        new = device if each.name == FIELD else on_device(value, device)
        if new is not value:
            changed[each.name] = new
    return replace(config, **changed) if changed else config


def devices_of(config: object) -> tuple[str, ...]:
    """What the fields of that name say, the outermost first."""
    if not is_dataclass(config):
        return ()
    own = [str(getattr(config, each.name)) for each in fields(config) if each.name == FIELD]
    inner = [getattr(config, each.name) for each in fields(config) if each.name != FIELD]
    return (*own, *(device for each in inner for device in devices_of(each)))


def check_device(device: str) -> None:
    """Raise `UsageError` where torch knows no such device, or has none on this machine."""
    import torch

    try:
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).partition("\n")[0]
        raise UsageError(
            f"--device {device}: torch cannot use it here ({reason}). Expected `cpu`, `cuda`, "
            "`cuda:1`, `mps` or another device of this machine; without --device a study takes a "
            "GPU at full size if there is one."
        ) from error
