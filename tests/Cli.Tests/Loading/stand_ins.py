"""Runs the loader of docs/use-it.md with stand-ins for torch and safetensors, made of NumPy.

usage: stand_ins.py LOADER OUTPUT
LOADER is the page's code; OUTPUT was written with --reconstruct, so that the old names hold the dense products. Prints, for
each layer, the largest difference between what the loaded layer and the dense one compute.
"""
import json
import struct
import sys
import types
from pathlib import Path

import numpy as np


class Tensor(np.ndarray):
    def contiguous(self):
        return np.ascontiguousarray(self).view(Tensor)

    def long(self):
        return self.astype(np.int64)


def load_file(path):
    raw = Path(path).read_bytes()
    start = 8 + struct.unpack("<q", raw[:8])[0]
    tensors = {}
    for name, entry in json.loads(raw[8:start]).items():
        if name != "__metadata__":
            begin, end = entry["data_offsets"]
            tensors[name] = np.frombuffer(raw[start + begin:start + end], {"F32": np.float32, "I32": np.int32, "U8": np.uint8}[entry["dtype"]]).reshape(entry["shape"]).view(Tensor)
    return tensors


class Module:
    """Keeps parameters as arrays and modules as attributes, and checks shapes as torch does."""

    def __call__(self, x):
        return self.forward(x)

    def register_buffer(self, name, value):
        setattr(self, name, value)

    def get_submodule(self, path):
        module = self
        for part in filter(None, path.split(".")):
            module = getattr(module, part)
            assert isinstance(module, Module)
        return module

    def names(self, prefix=""):
        for name, value in vars(self).items():
            if isinstance(value, Module):
                yield from value.names(prefix + name + ".")
            elif value is not None:
                yield prefix + name

    def load_state_dict(self, tensors, strict):
        mine = list(self.names())
        for name in mine:
            if name in tensors:
                parent, _, parameter = name.rpartition(".")
                module = self.get_submodule(parent)
                assert getattr(module, parameter).shape == tensors[name].shape, (name, getattr(module, parameter).shape, tensors[name].shape)
                setattr(module, parameter, tensors[name])
        return {"missing": [name for name in mine if name not in tensors], "unexpected": [name for name in tensors if name not in mine]}


class Embedding(Module):
    def __init__(self, count, width):
        self.weight = np.zeros((count, width), np.float32)

    def __call__(self, ids):
        return self.weight[ids]


class Linear(Module):
    def __init__(self, inputs, outputs, bias=True):
        self.weight = np.zeros((outputs, inputs), np.float32)
        self.bias = np.zeros(outputs, np.float32) if bias else None

    def __call__(self, x):
        y = x @ self.weight.T
        return y if self.bias is None else y + self.bias


class Conv1D(Module):
    """The layer of transformers whose weight is inputs x outputs."""

    def __init__(self, outputs, inputs):
        self.weight = np.zeros((inputs, outputs), np.float32)
        self.bias = np.zeros(outputs, np.float32)

    def __call__(self, x):
        return x @ self.weight + self.bias


class Sequential(Module):
    def __init__(self, *modules):
        for i, module in enumerate(modules):
            setattr(self, str(i), module)

    def __getitem__(self, i):
        return getattr(self, str(i))

    def forward(self, x):
        for module in vars(self).values():
            if isinstance(module, Module):
                x = module(x)
        return x


class Block(Module):
    def __init__(self):
        self.up, self.down, self.back = Linear(24, 90), Linear(90, 24, bias=False), Conv1D(24, 90)


class Model(Module):
    def __init__(self):
        self.words, self.block, self.norm = Embedding(150, 24), Block(), Linear(3, 2)


nn = types.ModuleType("torch.nn")
nn.Module, nn.Embedding, nn.Linear, nn.Sequential = Module, Embedding, Linear, Sequential
torch = types.ModuleType("torch")
torch.nn, torch.searchsorted, torch.where = nn, np.searchsorted, np.where
safetensors = types.ModuleType("safetensors")
safetensors.torch = types.ModuleType("safetensors.torch")
safetensors.torch.load_file = load_file
sys.modules.update({"torch": torch, "torch.nn": nn, "safetensors": safetensors, "safetensors.torch": safetensors.torch})

page = {}
exec(Path(sys.argv[1]).read_text(), page)
said = []
page["print"] = said.append
model = page["load_factorised"](Model(), sys.argv[2])
dense = Model()
products = {name: x for file in Path(sys.argv[2]).glob("*.safetensors") for name, x in load_file(file).items()}
dense.load_state_dict(products, strict=False)

assert said[0]["missing"] == [], said
assert all(name in dense.names() for name in said[0]["unexpected"]), said
random = np.random.default_rng(1)
inputs = {"words": np.stack([np.arange(150), np.arange(150)[::-1]]), "block.up": random.normal(size=(5, 24)), "block.down": random.normal(size=(5, 90)),
          "block.back": random.normal(size=(5, 90)), "norm": random.normal(size=(5, 3))}
for path, x in inputs.items():
    layer, old = model.get_submodule(path), dense.get_submodule(path)
    ours, theirs = layer(x), old(x)
    assert np.abs(theirs).max() > 0.1
    print(path, type(layer).__name__, np.abs(ours - theirs).max())
