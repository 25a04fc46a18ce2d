"""The checks of layers.py find what is planted for them, and nothing where nothing is wrong."""

import subprocess
import tempfile
import unittest
from pathlib import Path

import layers

GUARDED = "#ifndef X\n#define X\n{}\n#endif\n"


class Planted(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)

    def plant(self, path, text):
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def faults(self, check, archives=()):
        return list(layers.CHECKS[check](self.root, archives))

    def expect(self, check, *parts, archives=()):
        faults = self.faults(check, archives)
        self.assertEqual(len(faults), len(parts), faults)
        for fault, part in zip(faults, parts):
            self.assertIn(part, fault)

    def archive(self, room, text):
        self.plant(f"{room}.c", text)
        output, library = self.root / f"{room}.o", self.root / f"libls_{room}.a"
        subprocess.run(["gcc", "-O1", "-fPIE", "-c", self.root / f"{room}.c", "-o", output], check=True)
        subprocess.run(["ar", "rc", library, output], check=True)
        return str(library)

    def test_an_include_upwards_is_found(self):
        self.plant("engine/status.h", "")
        self.plant("engine/simulate.h", "")
        self.plant("engine/cost/collective.h", '#include "engine/status.h"\n')
        self.plant("engine/serving/step.c", '#include "engine/cost/collective.h"\n')
        self.plant("sweep/mpi/transport.h", '#include "engine/simulate.h"\n#include <mpi.h>\n')
        self.plant("cli/main.c", '#include "sweep/mpi/transport.h"\n#include <unistd.h>\n')
        self.expect("includes")
        self.plant("engine/sim/clock.c", '#include "engine/cost/collective.h"\n#include <time.h>\n')
        self.plant("engine/cost/step.c", '#include "engine/simulate.h"\n')
        self.plant("io/cube.c", '#include "sweep/mpi/transport.h"\n# include <mpi.h>\n#include "cube.h"\n')
        self.expect(
            "includes",
            "engine/cost/step.c:1: engine/cost/ must not include engine/simulate.h",
            "engine/sim/clock.c:1: engine/sim/ must not include engine/cost/collective.h",
            "engine/sim/clock.c:2: engine/sim/ must not include time.h",
            "io/cube.c:1: io/ must not include sweep/mpi/transport.h",
            "io/cube.c:2: io/ must not include mpi.h",
            'io/cube.c:3: "cube.h" is not written from the root',
        )

    def test_a_header_that_needs_another_is_found(self):
        self.plant("engine/good.h", GUARDED.format("#include <stdint.h>\nextern int32_t ls_x;"))
        self.expect("headers")
        self.plant("engine/bad.h", GUARDED.format("extern int32_t ls_x;"))
        self.expect("headers", "with gcc", "with clang-14")

    def test_a_header_without_a_guard_is_found(self):
        self.plant("engine/bad.h", "struct ls_x { int x; };\n")
        self.expect("headers", "with gcc", "with clang-14")

    def test_a_base_name_used_twice_is_found(self):
        self.plant("engine/sim/queue.c", "")
        self.plant("engine/sim/queue.h", "")
        self.expect("names")
        self.plant("sweep/queue.c", "")
        self.expect("names", "queue: the same base name in engine/sim, sweep")

    def test_a_long_file_is_found(self):
        self.plant("io/cube.c", "\n" * layers.MAX_LINES)
        self.expect("lengths")
        self.plant("io/cube.c", "\n" * (layers.MAX_LINES + 1))
        self.expect("lengths", "io/cube.c: 501 lines")

    def test_tables_and_arithmetic_are_allowed(self):
        text = """#include <math.h>
        #include <stdio.h>
        static int one(void) { return 1; }
        struct row { const char *name; int (*f)(void); };
        const struct row ls_rows[] = {{"one", one}};
        double ls_f(double x, char *text) { return snprintf(text, 9, "%g", x) + ls_rows[0].f() + pow(x, x); }"""
        self.expect("symbols", archives=[self.archive("engine", text)])

    def test_printing_the_clock_and_the_environment_are_found(self):
        text = """#include <stdio.h>
        #include <stdlib.h>
        #include <time.h>
        void ls_f(void) { printf("%s %ld\\n", getenv("HOME"), (long)time(NULL)); exit(1); }"""
        expected = [f"engine/engine.o: must not use {name}" for name in ("exit", "getenv", "printf", "time")]
        self.assertEqual(sorted(self.faults("symbols", [self.archive("engine", text)])), expected)

    def test_mutable_data_and_foreign_names_are_found(self):
        text = "static int counter; int ls_next(void) { return ++counter; } int next(void) { return 1; } int ls_n = 3;"
        faults = sorted(self.faults("symbols", [self.archive("sweep", text)]))
        self.assertEqual(
            faults,
            [
                "sweep/sweep.o: counter is mutable data at file scope (.bss)",
                "sweep/sweep.o: ls_n is mutable data at file scope (.data)",
                "sweep/sweep.o: the public name next does not start with ls_",
            ],
        )

    def test_a_call_of_a_room_above_is_found(self):
        engine = self.archive("engine", "int ls_plan(void); int ls_engine(void) { return ls_plan(); }")
        sweep = self.archive("sweep", "int ls_engine(void); int ls_plan(void) { return ls_engine(); }")
        self.expect("symbols", "engine/engine.o: ls_plan is not defined in any room it may use", archives=[engine, sweep])

    def test_mpi_outside_its_room_is_found(self):
        text = "int MPI_Init(int *, char ***); int ls_init(void) { return MPI_Init(0, 0); }"
        self.expect("symbols", archives=[self.archive("mpi", text)])
        self.expect("symbols", "io/io.o: must not use MPI_Init", archives=[self.archive("io", text)])


if __name__ == "__main__":
    unittest.main()
