"""numpy.random of a seed, for lists that a benchmark drew with it: the same Mersenne Twister as Python's, seeded as
numpy.random.seed does, and its whole numbers drawn as numpy.random.randint does, in bits that are drawn again where they
are too large."""

import random

N = 624


class Generator:
    def __init__(self, seed):
        state = [seed]
        for i in range(1, N):
            state.append((1812433253 * (state[-1] ^ (state[-1] >> 30)) + i) & 0xFFFFFFFF)
        self._bits = random.Random()
        self._bits.setstate((3, (*state, N), None))

    def integer(self, low, high):
        """A whole number from low to high, both included."""
        mask = (1 << (high - low).bit_length()) - 1
        while True:
            drawn = self._bits.getrandbits(32) & mask
            if drawn <= high - low:
                return low + drawn
