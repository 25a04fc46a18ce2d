"""The container recipes: `recipes.py REPOSITORY agree`, or `recipes.py REPOSITORY build` as root where debootstrap is.

agree: both recipes run the same commands and copy the same files.
build: what the Dockerfile says, in a Debian of debootstrap's making, and a sweep over two ranks in what comes out. Exits 77
where that cannot be.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path


def require(promise, *what):
    if not promise:
        sys.exit("broken: " + "\n".join(map(str, what)))


def one_line(command):
    return re.sub(r"\s*\\\n\s*", " ", command).strip()


def dockerfile(text):
    """Stages, each a list of (instruction, rest of the line)."""
    stages = []
    for line in one_line(re.sub(r"^#.*\n", "", text, flags=re.MULTILINE)).splitlines():
        if not line.strip():
            continue
        word, rest = line.split(None, 1)
        if word == "FROM":
            stages.append([])
        stages[-1].append((word, rest))
    return stages


def definition(text):
    """Stages of an Apptainer file, in the Dockerfile's words."""
    stages = []
    for part in re.split(r"^Bootstrap: docker\n", text, flags=re.MULTILINE)[1:]:
        head, *sections = re.split(r"^%", part, flags=re.MULTILINE)
        stage = [("FROM", re.search(r"From: (\S+)", head)[1])]
        for section in sections:
            name, body = section.split("\n", 1)
            lines = [line.strip() for line in one_line(body).splitlines() if line.strip()]
            if name == "post":
                stage += [("WORKDIR", line[3:]) if line.startswith("cd ") else ("RUN", line) for line in lines]
            elif name.startswith("files"):
                origin = "--from=build " if name.endswith("from build") else ""
                stage += [("COPY", origin + line) for line in lines]
            elif name == "runscript":
                stage.append(("ENTRYPOINT", f'["{lines[0].split()[1]}"]'))
        stages.append(stage)
    return stages


def agree(container):
    ours = dockerfile((container / "Dockerfile").read_text())
    theirs = definition((container / "llmsweep.def").read_text())
    for one, other in zip(ours, theirs, strict=True):
        plain = {(word, rest.removesuffix(" AS build")) for word, rest in one if word != "ENV"}
        require(plain == set(other), "the recipes differ:", plain ^ set(other))


def inside(root, folder, command, **options):
    script = f"cd {shlex.quote(folder)} && {command}"
    return subprocess.run(["chroot", root, "/bin/bash", "-euc", script], check=True, **options)


def build(container):
    if os.geteuid() != 0 or not shutil.which("debootstrap"):
        sys.exit(77)
    with tempfile.TemporaryDirectory() as work:
        base = Path(work, "base")
        subprocess.run(["debootstrap", "--variant=minbase", "bookworm", base], check=True, stdout=subprocess.DEVNULL)
        for configuration in ("apt/apt.conf.d", "resolv.conf"):  # how this machine reaches its packages
            source, target = Path("/etc", configuration), base / "etc" / configuration
            if source.is_dir():
                shutil.copytree(source, target, dirs_exist_ok=True)
            elif source.exists():
                shutil.copy(source, target)
        roots = []
        for number, stage in enumerate(dockerfile((container / "Dockerfile").read_text())):
            root, folder = Path(work, f"stage{number}"), "/"
            shutil.copytree(base, root, symlinks=True, ignore=lambda at, _: ["dev", "proc"] if at == str(base) else [])
            (root / "dev").mkdir()
            (root / "proc").mkdir()
            for special in ("null", "urandom"):
                subprocess.run(["cp", "-a", f"/dev/{special}", root / "dev"], check=True)
            for word, rest in stage:
                if word == "RUN":
                    inside(root, folder, rest, stdout=subprocess.DEVNULL)
                elif word == "WORKDIR":
                    folder = rest
                elif word == "COPY":
                    source, target = rest.removeprefix("--from=build ").split()
                    source = roots[0] / source[1:] if rest.startswith("--from") else container.parent
                    target = root / target[1:]
                    target.parent.mkdir(parents=True, exist_ok=True)
                    if source.is_dir():
                        shutil.copytree(source, target, symlinks=True, ignore=shutil.ignore_patterns(".git", "build", "results"))
                    else:
                        shutil.copy2(source, target)
            roots.append(root)
        study = "/usr/local/share/llmsweep/configs/studies/quickstart.yaml"
        root = "OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1"
        inside(roots[-1], "/tmp", f"llmsweep run {study} -o alone.h5 --quiet")
        inside(roots[-1], "/tmp", f"mount -t proc proc /proc; {root} mpirun -n 2 llmsweep run {study} -o two.h5 --quiet; umount /proc")
        show = inside(roots[-1], "/tmp", "llmsweep show alone.h5 --digest; llmsweep show two.h5 --digest",
                      capture_output=True, text=True).stdout.splitlines()
        require(len({line.split()[0] for line in show}) == 1, "the digests differ", show)


def main():
    container = Path(sys.argv[1]).resolve() / "container"
    {"agree": agree, "build": build}[sys.argv[2]](container)


main()
