"""The network that a user names: `file.py:Network`, `package.module:factory`, an instance.

Nothing is allocated where we construct it ourselves: its weights lie on the meta device.
"""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

import torch
from torch import nn

from defib.errors import UsageError
from defib.script.definitions import definitions_of
from defib.script.user_error import described


def load_network(
    place: str, name: str, arguments: Mapping[str, Any], *, is_meta: bool = True
) -> nn.Module:
    """The network called `name` in `place`, a file or a module that can be imported.

    A class or a factory is called with `arguments`, on the meta device where its code allows.
    Raises `UsageError` where there is no network by that name or it cannot be made.
    """
    module = import_place(place)
    found = _attribute(module, place, name)
    label = f"{place}:{name}"
    if isinstance(found, nn.Module):
        if arguments:
            raise UsageError(f"`{label}` is a network already: it takes no `--arg`.")
        return found
    if not callable(found) or (isinstance(found, type) and not issubclass(found, nn.Module)):
        kind = f"the class `{found.__name__}`" if isinstance(found, type) else type(found).__name__
        raise UsageError(f"`{label}` is no network ({kind}). {definitions_of(module, place)}")
    _check_arguments(found, label, arguments)
    network = _made(found, label, arguments, is_meta=is_meta)
    if not isinstance(network, nn.Module):
        kind = type(network).__name__
        raise UsageError(f"`{label}` returns no network ({kind}). {definitions_of(module, place)}")
    return network


def import_place(place: str) -> ModuleType:
    """The module of a file or of a dotted name, imported as the user's code would."""
    is_file = place.endswith(".py") or Path(place).is_file()
    if is_file and not Path(place).is_file():
        raise UsageError(f"There is no file `{place}` (working directory `{Path.cwd()}`).")
    try:
        return _imported_file(Path(place).resolve()) if is_file else _imported_module(place)
    except UsageError:
        raise
    except SystemExit as error:
        raise UsageError(
            f"`{place}` ends the program when it is imported (exit code {error.code}). "
            f"Put what it runs under `if __name__ == '__main__':`."
        ) from error
    except Exception as error:  # the user's code: whatever it raises is the answer
        raise UsageError(f"`{place}` cannot be imported: {described(error)}") from error


def _imported_file(file: Path) -> ModuleType:
    root, dotted = _package_root(file)
    _first_in_path(root)
    known = sys.modules.get(dotted) or _found(dotted)
    if known is not None and _is_from(known, file):
        return importlib.import_module(dotted)
    # A standard or installed module has the name: load the file under one of its own.
    alone = f"{dotted.replace('.', '_')}_{abs(hash(str(file)))}" if known else dotted
    spec = importlib.util.spec_from_file_location(alone, file)
    if spec is None or spec.loader is None:
        raise UsageError(f"`{file.name}` is no Python source file.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[alone] = module
    spec.loader.exec_module(module)
    return module


def _package_root(file: Path) -> tuple[Path, str]:
    """The folder from which a file is imported, and its dotted name there."""
    parts = [file.stem]
    folder = file.parent
    while (folder / "__init__.py").is_file():
        parts.insert(0, folder.name)
        folder = folder.parent
    return folder, ".".join(parts)


def _first_in_path(folder: Path) -> None:
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))


def _found(dotted: str) -> Any:  # a module or its specification; both tell their file
    try:
        return importlib.util.find_spec(dotted)
    except (ImportError, ValueError):
        return None


def _is_from(module: Any, file: Path) -> bool:
    origin = getattr(module, "origin", None) or getattr(module, "__file__", None)
    return origin is not None and Path(origin).resolve() == file


def _imported_module(name: str) -> ModuleType:
    _first_in_path(Path.cwd())
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if name != missing and not name.startswith(f"{missing}."):
            raise
        raise UsageError(
            f"There is no module `{name}` (`{missing}` is not found from `{Path.cwd()}`)."
        ) from error


def _attribute(module: ModuleType, place: str, name: str) -> Any:
    found: Any = module
    for part in name.split("."):
        if not hasattr(found, part):
            definitions = definitions_of(module, place)
            near = difflib.get_close_matches(name, definitions.names, n=1)
            hint = f"Did you mean `{place}:{near[0]}`?" if near else str(definitions)
            raise UsageError(f"There is no `{name}` in `{place}`. {hint}")
        found = getattr(found, part)
    return found


def _check_arguments(make: Callable[..., Any], label: str, given: Mapping[str, Any]) -> None:
    """Raise where an argument is missing or unknown, before anything runs."""
    try:
        parameters = inspect.signature(make).parameters
    except (TypeError, ValueError):
        return
    takes_any = any(each.kind is each.VAR_KEYWORD for each in parameters.values())
    named = {
        name: each
        for name, each in parameters.items()
        if each.kind in (each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY)
    }
    for name in given:
        if name not in named and not takes_any:
            near = difflib.get_close_matches(name, named, n=1)
            hint = f"Did you mean `{near[0]}`?" if near else f"It takes {', '.join(named)}."
            raise UsageError(f"`{label}` has no argument `{name}`. {hint}")
    missing = [
        name for name, each in named.items() if each.default is each.empty and name not in given
    ]
    if missing:
        _refuse_missing(label, missing)


def _refuse_missing(label: str, missing: list[str]) -> NoReturn:
    needed = " and ".join(f"`{name}`" for name in missing)
    how = " ".join(f"--arg {name}=..." for name in missing)
    raise UsageError(
        f"`{label}` needs {needed}: give {'it' if len(missing) == 1 else 'them'} with `{how}`."
    )


def _made(
    make: Callable[..., Any], label: str, arguments: Mapping[str, Any], *, is_meta: bool
) -> Any:  # whatever the user's function returns
    if is_meta:
        try:
            with torch.device("meta"):
                return make(**arguments)
        except Exception:  # code that reads values; what is wrong else shows below
            pass
    try:
        return make(**arguments)
    except Exception as error:  # the user's code: whatever it raises is the answer
        raise UsageError(f"`{label}` cannot be made: {described(error)}") from error
