# SPDX-License-Identifier: Apache-2.0
# Trains a network that guesses the next character of a text, and exports it: what examples/text.c writes with. Needs torch.
# Usage: python3 train.py TEXT OUT.onnx ALPHABET.txt [UNITS [ROUNDS]]
# ALPHABET.txt gets the characters, in the order of the network's inputs and outputs; capitals are small letters, and what is
# rare is a blank.
import collections
import sys

import torch
from torch import nn

RARE, STEPS, BATCH = 12, 64, 32


class Net(nn.Module):
    def __init__(self, symbols: int, units: int):
        super().__init__()
        self.gru, self.head = nn.GRU(symbols, units, batch_first=True), nn.Linear(units, symbols)

    def forward(self, x):  # [sequences, steps, symbols], one of which is 1: how likely each symbol is next
        return self.head(self.gru(x)[0][:, -1]).softmax(-1)


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
    one_hot = torch.eye(len(alphabet))
    optimiser = torch.optim.Adam(net.parameters(), 4e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 1e-2, total_steps=rounds)
    for step in range(rounds):
        starts = torch.randint(len(data) - STEPS - 1, (BATCH,))
        rows = torch.stack([data[s : s + STEPS + 1] for s in starts])
        guess = net.head(net.gru(one_hot[rows[:, :-1]])[0])
        loss = nn.functional.cross_entropy(guess.flatten(0, 1), rows[:, 1:].flatten())
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1)
        optimiser.step()
        schedule.step()
        if step % 100 == 0:
            print(f"{step}: {loss.item():.3f} nats a character", flush=True)

    with open(alphabet_path, "w", encoding="utf-8") as file:
        file.write(alphabet + "\n")
    torch.onnx.export(net.eval(), torch.zeros(1, 3, len(alphabet)), onnx_path, input_names=["x"], output_names=["next"],
                      dynamic_axes={"x": {0: "sequences", 1: "steps"}, "next": {0: "sequences"}})


main()
