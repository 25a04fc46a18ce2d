"""Checks of how the sources are laid out: `layers.py CHECK ROOT [ARCHIVE...]` prints each fault and exits 1 if any.

CHECK is one of the functions below. Archives are those of the rooms: libls_engine.a, libls_sweep.a, libls_mpi.a,
libls_io.a.
"""

import ctypes.util
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

BELOW_COST = ("engine/scenario.h", "engine/hardware/", "engine/model/", "engine/sim/")
BELOW_SERVING = ("engine/cost/", "engine/memory/", *BELOW_COST)

# A part of the tree, and the parts it may include; the first part that a path starts with counts.
PARTS = {
    "engine/sim/": (),
    "engine/hardware/": ("engine/sim/",),
    "engine/model/": ("engine/sim/",),
    "engine/scenario.h": ("engine/hardware/", "engine/model/", "engine/sim/"),
    "engine/cost/": BELOW_COST,
    "engine/memory/": BELOW_COST,
    "engine/serving/": BELOW_SERVING,
    "engine/training/": BELOW_SERVING,
    "engine/matmul/": BELOW_SERVING,
    # The front door and what fills in a scenario see the whole engine.
    "engine/simulate": ("engine/",),
    "engine/scenario": ("engine/",),
    # Statuses, parameters, dtypes, reasons, metrics: what everybody sees, and sees nobody.
    "engine/": (),
    "sweep/mpi/": ("sweep/", "engine/"),
    "sweep/": ("engine/",),
    "io/": ("sweep/", "engine/"),
    "cli/": ("io/", "sweep/mpi/", "sweep/", "engine/"),
}
BASE = re.compile(r"engine/(?!simulate|scenario)[^/]+$")

C_LIBRARY = set(
    "assert ctype errno float inttypes limits math stdalign stdarg stdbool stddef stdint stdio stdlib string".split()
)

# Symbols of the C library that a pure room may use; libm's come on top.
PURE_SYMBOLS = re.compile(
    r"(malloc|calloc|realloc|aligned_alloc|free"
    r"|mem(cpy|move|set|cmp|chr)|str(n?cmp|n?cpy|r?chr|len|str|s?pn|cspn|n?cat|nlen|pbrk|error)"
    r"|strto(d|l|ll|ul|ull|imax|umax)|qsort|bsearch|v?snprintf"
    r"|__(isoc99_|isoc23_)?v?sscanf|__(v?snprintf|mem\w+|str\w+)_chk"
    r"|__assert_fail|__stack_chk_fail|__errno_location|__ctype_(b|tolower|toupper)_loc|tolower|toupper"
    r"|_GLOBAL_OFFSET_TABLE_)$"
)
PRINTING = r"v?printf|v?fprintf|puts|putchar|putc|stdout|__printf_chk|__vprintf_chk"
EXITING = r"_?exit|_Exit|quick_exit|abort"
# What the other rooms may not use.
FORBIDDEN = {
    "mpi": re.compile(rf"(H5\w*|yaml_\w+|fopen\w*|open\d*|{EXITING}|{PRINTING})$"),
    "io": re.compile(rf"(MPI_\w+|ompi_\w+|{EXITING}|printf|vprintf|puts|putchar|stdout)$"),
}
# Where a room's undefined ls_ symbols may be defined, besides itself.
LINKS = {"engine": (), "sweep": ("engine",), "mpi": ("sweep", "engine"), "io": ("sweep", "engine")}

MAX_LINES = 500
# Files that are longer, with the reason.
LONG_FILES = {}


def sources(root, *suffixes):
    found = []
    for room in ("engine", "sweep", "io", "cli"):
        found += [p for p in (root / room).rglob("*") if p.suffix in suffixes]
    return sorted(found)


def part_of(path):
    return next((part for part in PARTS if path.startswith(part)), None)


def may_include(path, target):
    part = part_of(path)
    if part_of(target) == part or BASE.match(target):
        return True
    if target.startswith("sweep/mpi/"):  # "sweep/" does not mean its transport
        return "sweep/mpi/" in PARTS[part]
    return target.startswith(PARTS[part])


def may_include_system(path, header):
    if path.startswith("engine/") or (path.startswith("sweep/") and not path.startswith("sweep/mpi/")):
        return header.removesuffix(".h") in C_LIBRARY
    if header == "mpi.h":
        return path.startswith("sweep/mpi/")
    if header == "yaml.h" or header.startswith("hdf5"):
        return path.startswith("io/")
    return True


def includes(root, _archives):
    """An include goes only where architecture allows."""
    for file in sources(root, ".c", ".h"):
        path = file.relative_to(root).as_posix()
        for number, line in enumerate(file.read_text().splitlines(), 1):
            match = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
            if not match:
                continue
            kind, target = match.groups()
            if kind == '"' and not (root / target).is_file():
                yield f'{path}:{number}: "{target}" is not written from the root'
            elif not (may_include(path, target) if kind == '"' else may_include_system(path, target)):
                yield f"{path}:{number}: {part_of(path)} must not include {target}"


def headers(root, _archives):
    """Every header compiles alone, twice, with gcc and with clang."""
    asked = subprocess.run(["pkg-config", "--cflags-only-I", "hdf5", "mpi-c"], capture_output=True, text=True, check=True)
    libraries = asked.stdout.replace("-I", "-isystem").split()
    for compiler in ("gcc", "clang-14"):
        for header in sources(root, ".h"):
            path = header.relative_to(root)
            text = f'#include "{path}"\n#include "{path}"\nextern int nothing;\n'
            command = [compiler, "-std=c17", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only", "-I", root, *libraries]
            result = subprocess.run([*command, "-x", "c", "-"], input=text, capture_output=True, text=True)
            if result.returncode:
                yield f"{path}: does not compile alone with {compiler}:\n{result.stderr}"


def names(root, _archives):
    """A base name occurs in one place: one header, one source, side by side."""
    places = defaultdict(set)
    for file in sources(root, ".c", ".h"):
        places[file.stem].add(file.parent.relative_to(root).as_posix())
    for stem, folders in sorted(places.items()):
        if len(folders) > 1:
            yield f"{stem}: the same base name in {', '.join(sorted(folders))}"


def lengths(root, _archives):
    """A file has at most 500 lines, or a reason."""
    for file in sources(root, ".c", ".h"):
        path = file.relative_to(root).as_posix()
        n = len(file.read_text().splitlines())
        if (n > MAX_LINES) != (path in LONG_FILES):
            yield f"{path}: {n} lines; {'has no reason to be longer than' if n > MAX_LINES else 'needs no reason under'} {MAX_LINES}"


def read_symbols(archive):
    """(object, name, class, section) of every symbol of an archive."""
    output = subprocess.run(["nm", "--format=sysv", archive], capture_output=True, text=True, check=True).stdout
    found, member = [], ""
    for line in output.splitlines():
        heading = re.search(r"from .*\[(.+)\]:|from (.+\.o):", line)
        fields = [field.strip() for field in line.split("|")]
        if heading:
            member = heading.group(1) or heading.group(2)
        elif len(fields) == 7 and fields[0] != "Name":
            found.append((member, fields[0], fields[2], fields[6]))
    return found


def libm_symbols():
    library = ctypes.util.find_library("m")
    path = subprocess.run(["gcc", f"-print-file-name={library}"], capture_output=True, text=True, check=True).stdout
    output = subprocess.run(["nm", "-D", path.strip()], capture_output=True, text=True, check=True).stdout
    return {line.split()[-1].split("@")[0] for line in output.splitlines() if " U " not in line}


def room_of(archive):
    return Path(archive).stem.removeprefix("libls_")


def symbols(_root, archives):
    """A room calls nothing outside what it may; engine and sweep hold no mutable data; all public names start with ls_."""
    tables = {room_of(archive): read_symbols(archive) for archive in archives}
    libm = libm_symbols()
    defined = {room: {name for _, name, kind, _ in table if kind in "TRDBVW"} for room, table in tables.items()}
    for room, table in tables.items():
        reachable = defined[room].union(*(defined.get(other, set()) for other in LINKS[room]))
        pure = room in ("engine", "sweep")
        for member, name, kind, section in table:
            if kind in "Uw":
                if name in reachable:
                    continue
                if name.startswith("ls_"):
                    yield f"{room}/{member}: {name} is not defined in any room it may use"
                elif not (PURE_SYMBOLS.match(name) or name in libm) if pure else FORBIDDEN[room].match(name):
                    yield f"{room}/{member}: must not use {name}"
                continue
            if pure and (kind == "C" or (re.match(r"\.t?(data|bss)", section) and ".rel.ro" not in section)):
                yield f"{room}/{member}: {name} is mutable data at file scope ({section or 'common'})"
            if kind in "TRDBVC" and not re.match(r"ls_|LS_", name):
                yield f"{room}/{member}: the public name {name} does not start with ls_"


CHECKS = {check.__name__: check for check in (includes, headers, names, lengths, symbols)}


def main():
    check, root, *archives = sys.argv[1:]
    faults = list(CHECKS[check](Path(root), archives))
    print("\n".join(faults) if faults else f"{check}: no faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
