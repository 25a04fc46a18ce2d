"""Execute every notebook on its cube: run_notebooks.py CUBE.h5 DETAILS.h5 FOLDER [--save FOLDER].

A notebook fails when a cell of it does, or when it comes with outputs (they would age, and hide what a reader's run
would show). It must also draw: each one names in PICTURES how many.
"""

import argparse
import os
import pathlib
import sys

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

PICTURES = {"explore": 3, "requests": 2}


def with_outputs(notebook):
    return [cell.id for cell in notebook.cells if cell.get("outputs") or cell.get("execution_count")]


def pictures(notebook):
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return sum("image/png" in output.get("data", {}) for output in outputs)


def complaints(notebook):
    """What the cells wrote to standard error: warnings of a library are faults of the notebook or of the cube."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return "".join(output.text for output in outputs if output.get("name") == "stderr")


def run(path):
    """The notebook after its run, and what is wrong with it."""
    notebook = nbformat.read(path, as_version=4)
    if cells := with_outputs(notebook):
        return notebook, f"comes with outputs, in {', '.join(cells)}; clear them"
    client = NotebookClient(notebook, timeout=120, kernel_name="python3",
                            resources={"metadata": {"path": str(path.parent)}})
    try:
        client.execute()
    except CellExecutionError as error:
        return notebook, str(error)
    if text := complaints(notebook):
        return notebook, f"warns:\n{text}"
    if pictures(notebook) != PICTURES[path.stem]:
        return notebook, f"drew {pictures(notebook)} pictures, not {PICTURES[path.stem]}"
    return notebook, None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("cube")
    parser.add_argument("details")
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--save", type=pathlib.Path, help="keep the executed notebooks here")
    arguments = parser.parse_args()
    os.environ["LLMSWEEP_CUBE"] = os.path.abspath(arguments.cube)
    os.environ["LLMSWEEP_DETAILS"] = os.path.abspath(arguments.details)

    paths = sorted(arguments.folder.glob("*.ipynb"))
    failed = not paths
    for path in paths:
        notebook, fault = run(path)
        print(f"{path.name}: {fault or 'ran'}")
        failed = failed or fault is not None
        if arguments.save:
            arguments.save.mkdir(parents=True, exist_ok=True)
            nbformat.write(notebook, arguments.save / path.name)
    sys.exit(failed)


if __name__ == "__main__":
    main()
