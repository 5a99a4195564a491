# SPDX-License-Identifier: Apache-2.0
# The mini-batches of `millrace train`, for what is trained beside it: the order of host/train/training.c.
MASK = 2**64 - 1
GOLDEN = 0x9E3779B97F4A7C15


def draw_next(counter):
    """64 bits of a counter (splitmix64), and the counter behind them: mr_draw_next."""
    counter = (counter + GOLDEN) & MASK
    bits = (counter ^ (counter >> 30)) * 0xBF58476D1CE4E5B9 & MASK
    bits = (bits ^ (bits >> 27)) * 0x94D049BB133111EB & MASK
    return bits ^ (bits >> 31), counter


def order(count, seed, epoch):
    """The sequences of an epoch, from 1, in the order in which they are learned: mr_train_shuffle."""
    places, counter = list(range(count)), (seed + GOLDEN * epoch) & MASK
    for i in range(count, 1, -1):
        bits, counter = draw_next(counter)
        other = bits % i
        places[i - 1], places[other] = places[other], places[i - 1]
    return places


def batches(count, seed, epoch, size):
    """The sequences of each mini-batch of an epoch."""
    places = order(count, seed, epoch)
    return [places[first : first + size] for first in range(0, count, size)]
