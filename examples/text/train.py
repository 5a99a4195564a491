# SPDX-License-Identifier: Apache-2.0
# Trains a network that guesses the next character of a text, and exports it: what examples/text.c writes with. Needs torch.
# Usage: python3 train.py TEXT OUT.onnx ALPHABET.txt [UNITS [ROUNDS]]
# ALPHABET.txt gets the characters: a character's place is its token; capitals are small letters, and what is rare is a blank.
# The network gives a score for each token that may be next, the logarithm of how likely it is, and chooses the best itself.
import collections
import sys

import torch
from torch import nn

RARE, WIDTH, STEPS, BATCH = 12, 16, 64, 32


class Net(nn.Module):
    def __init__(self, symbols: int, units: int):
        super().__init__()
        self.table, self.gru = nn.Embedding(symbols, WIDTH), nn.GRU(WIDTH, units, batch_first=True)
        self.head = nn.Linear(units, symbols)

    def scores(self, tokens):  # [sequences, steps]: of each step
        return self.head(self.gru(self.table(tokens))[0])

    def forward(self, tokens):  # of the last step
        last = self.head(self.gru(self.table(tokens))[0][:, -1])
        return last, last.argmax(-1, keepdim=True)


def main() -> None:
    text_path, onnx_path, alphabet_path, *sizes = sys.argv[1:]
    units, rounds = (int(word) for word in (*sizes, *("64", "1500")[len(sizes) :]))
    with open(text_path, encoding="utf-8") as file:
        text = " ".join(file.read().lower().split())
    counts = collections.Counter(text)
    alphabet = " " + "".join(sorted(c for c, count in counts.items() if c > " " and count >= RARE and c.isascii()))
    place = {c: i for i, c in enumerate(alphabet)}
    data = torch.tensor([place.get(c, 0) for c in text])

    torch.manual_seed(1)
    net = Net(len(alphabet), units)
    optimiser = torch.optim.Adam(net.parameters(), 4e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 1e-2, total_steps=rounds)
    for step in range(rounds):
        starts = torch.randint(len(data) - STEPS - 1, (BATCH,))
        rows = torch.stack([data[s : s + STEPS + 1] for s in starts])
        loss = nn.functional.cross_entropy(net.scores(rows[:, :-1]).flatten(0, 1), rows[:, 1:].flatten())
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1)
        optimiser.step()
        schedule.step()
        if step % 100 == 0:
            print(f"{step}: {loss.item():.3f} nats a character", flush=True)

    with open(alphabet_path, "w", encoding="utf-8") as file:
        file.write(alphabet + "\n")
    torch.onnx.export(net.eval(), torch.zeros(1, 3, dtype=torch.long), onnx_path, input_names=["token"],
                      output_names=["scores", "next"], dynamic_axes={"token": {0: "sequences", 1: "steps"},
                                                                     "scores": {0: "sequences"}, "next": {0: "sequences"}})


main()
