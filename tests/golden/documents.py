"""What the manual says is so: `documents.py LLMSWEEP ROOT`.

Every YAML block that is a whole study (it has a model) is valid, every link to a file leads to one, and every command
and option of llmsweep that is written down exists.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

LINK = re.compile(r"\]\((?!https?://|#)([^)#]+)")
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"\bllmsweep ([a-z]+)((?: [^|`\n]*)?)")


def run(*command):
    return subprocess.run(command, capture_output=True, text=True)


def check_studies(llmsweep, name, text):
    for kind, block in BLOCK.findall(text):
        if kind == "yaml" and re.search(r"^model:", block, re.MULTILINE):
            with tempfile.NamedTemporaryFile("w", suffix=".yaml") as study:
                study.write(block)
                study.flush()
                result = run(llmsweep, "validate", study.name)
            if result.returncode:
                yield f"{name}: a study is not valid:\n{result.stderr}"


def check_links(document, name, text):
    for target in LINK.findall(text):
        if not (document.parent / target).exists():
            yield f"{name}: {target} is not there"


def check_commands(llmsweep, name, text):
    for command, rest in COMMAND.findall(text):
        help_text = run(llmsweep, command, "--help")
        if help_text.returncode:
            yield f"{name}: there is no llmsweep {command}"
            continue
        for option in re.findall(r"(?<=\s)--?[a-z][a-z-]*", rest.split("  ")[0]):
            if not re.search(rf"(^|[\s,]){re.escape(option)}\b", help_text.stdout):
                yield f"{name}: llmsweep {command} has no {option}"


def main():
    llmsweep, root = sys.argv[1], Path(sys.argv[2])
    faults = []
    for document in sorted([*root.glob("*.md"), *root.glob("docs/*.md"), *root.glob("configs/**/*.md")]):
        name, text = document.relative_to(root).as_posix(), document.read_text()
        faults += check_studies(llmsweep, name, text)
        faults += check_links(document, name, text)
        faults += check_commands(llmsweep, name, text)
    print("\n".join(faults))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
