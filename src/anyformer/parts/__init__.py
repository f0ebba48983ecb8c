"""The parts of which every model is made, one idea a file. All files are imported with the package: to be there is to stand on the menu."""

import importlib
import pkgutil

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")
