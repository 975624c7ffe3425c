"""Files from elsewhere: what opens, what does not, and that nothing in them is run."""

import json
import os
import pickle
import re
import zipfile
from collections import OrderedDict

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

import fmq_explore as fmq
from fmq_explore.flow import MLP, Recipe, Trainer
from fmq_explore.flow.weights_only import WeightsOnly
from fmq_explore.foreign import limits
from fmq_explore.quantize import prepare


@pytest.fixture
def net() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        OrderedDict(conv=nn.Conv2d(3, 8, 3), norm=nn.BatchNorm2d(8), head=nn.Linear(8, 4))
    )


def content(net: nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in net.state_dict().items()}


def same(model: nn.Module, state: dict[str, torch.Tensor]) -> bool:
    found = model.state_dict()
    return found.keys() == state.keys() and all(torch.equal(found[k], state[k]) for k in state)


def wrapped(state: dict, prefix: str = "") -> dict:
    return {prefix + name: tensor for name, tensor in state.items()}


WRAPPERS = {
    "bare": lambda s: s,
    "state_dict": lambda s: {"state_dict": s, "epoch": 3},
    "model": lambda s: {"model": s, "optimizer": {"state": {0: {"exp_avg": torch.ones(9)}}}},
    "model_state_dict": lambda s: {"model_state_dict": s},
    "parallel": lambda s: wrapped(s, "module."),
    "lightning": lambda s: {"state_dict": wrapped(s, "model."), "global_step": 7},
    "lightning net": lambda s: {"state_dict": wrapped(s, "net.")},
    "compiled": lambda s: {"model": wrapped(s, "_orig_mod.module.")},
    "average": lambda s: {"model": {k: v + 1 for k, v in s.items()}, "ema": s},
    "nested": lambda s: {"params": {"conv": {"x": s["conv.weight"]}}} | {"state_dict": s},
    "part of an average": lambda s: {"net_model": s, "ema_model": {"shadow": torch.ones(3)}},
}


@pytest.mark.parametrize("ending", [".pt", ".pth", ".ckpt"])
@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_a_state_dict_is_found_in_its_wrapper(tmp_path, net, wrapper, ending):
    path = tmp_path / f"weights{ending}"
    torch.save(WRAPPERS[wrapper](content(net)), path)
    model = fmq.load_model(path)
    assert isinstance(model, WeightsOnly)
    assert same(model, content(net))
    assert model.card.title == path.name
    assert model.card.n_parameters == sum(p.numel() for p in net.parameters())


def test_old_files_and_safetensors_open_too(tmp_path, net):
    torch.save(net.state_dict(), tmp_path / "old.pt", _use_new_zipfile_serialization=False)
    save_file(content(net), tmp_path / "new.safetensors")
    for name in ("old.pt", "new.safetensors"):
        assert same(fmq.load_model(tmp_path / name), content(net))


def test_a_table_of_tables_is_flattened(tmp_path):
    table = {"dense": {"kernel": torch.ones(4, 2)}, "optimizer": {"m": torch.zeros(4, 2)}}
    torch.save({"step": 1, "params": table}, tmp_path / "flax.pt")
    assert list(fmq.load_model(tmp_path / "flax.pt").state_dict()) == ["dense.kernel"]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("scheme", ["optimal", "equal_mass", "uniform"])
def test_weights_alone_go_all_the_way(tmp_path, net, dtype, scheme):
    torch.save(net.to(dtype).state_dict(), tmp_path / "weights.pt")
    model = fmq.load_model(tmp_path / "weights.pt")
    qm = fmq.quantize_model(model, scheme, bits=2)
    own = fmq.quantize_model(net, scheme, bits=2)
    assert qm.w2 == pytest.approx(own.w2)
    assert {line.name for line in qm.report() if line.reason == "keep"} == {
        "conv.bias",
        "norm.weight",
        "norm.bias",
        "head.bias",
    }
    qm.save(tmp_path / "packed.safetensors")
    assert os.path.getsize(tmp_path / "packed.safetensors") == qm.n_bytes
    again = fmq.load_quantized(tmp_path / "packed.safetensors")
    assert isinstance(again.model, WeightsOnly)
    assert same(again.model, dict(qm.model.state_dict()))
    assert dict(again.model.named_parameters()).keys() == dict(model.named_parameters()).keys()


def test_weights_alone_cannot_be_sampled(tmp_path, net):
    torch.save(net.state_dict(), tmp_path / "weights.pt")
    model = fmq.load_model(tmp_path / "weights.pt")
    with pytest.raises(ValueError, match=r"weights only: weights\.pt cannot be sampled, since"):
        fmq.sample(model, n=2)


def test_tied_weights_stay_tied(tmp_path):
    shared = torch.randn(6, 4)
    torch.save(
        {"a.weight": shared, "b.weight": shared, "c.weight": shared.clone()}, tmp_path / "t.pt"
    )
    prepared = prepare(fmq.load_model(tmp_path / "t.pt"))
    assert prepared.tied == {"b.weight": "a.weight"}
    assert prepared.names == ("a.weight", "c.weight")


def test_what_cannot_be_quantized_is_a_buffer_or_left_out(tmp_path):
    tensors = {
        "fc.weight": torch.randn(4, 4),
        "fc.running_mean": torch.zeros(4),
        "empty": torch.zeros(0, 3),
        "mask": torch.ones(3, dtype=torch.bool),
        "phase": torch.ones(3, dtype=torch.complex64),
        "type.half": torch.ones(2, 2),
    }
    torch.save(tensors, tmp_path / "odd.pt")
    model = fmq.load_model(tmp_path / "odd.pt")
    assert {n for n, _ in model.named_parameters()} == {"fc.weight", "type.half"}
    assert {n for n, _ in model.named_buffers()} == {"fc.running_mean", "empty", "mask"}
    assert model.note == "Left out: phase."
    assert fmq.quantize_model(model, bits=1).bits == {"fc.weight": 1, "type.half": 1}


def test_a_nan_is_the_error_that_names_the_tensor(tmp_path):
    torch.save({"fc.weight": torch.tensor([[1.0, float("nan")]])}, tmp_path / "nan.pt")
    with pytest.raises(ValueError, match=r"tensor 'fc\.weight' holds 1 NaN"):
        fmq.quantize_model(fmq.load_model(tmp_path / "nan.pt"))


def test_our_own_checkpoint_samples(tmp_path):
    torch.manual_seed(0)
    trainer = Trainer(
        MLP((2,), 2, width=8), torch.randn(64, 2), None, Recipe(steps=2, batch_size=8)
    )
    trainer.run()
    trainer.save_checkpoint(tmp_path / "checkpoint.pt")
    model = fmq.load_model(tmp_path / "checkpoint.pt")
    assert same(model, dict(trainer.average.state_dict()))
    assert (model.card.data_shape, model.card.n_classes) == ((2,), 2)
    assert model.note == "Taken from average in the file."
    assert fmq.sample(model, n=3, steps=1, label=1).samples.shape == (3, 2)


class Evil:
    """What runs a command when a careless reader loads it."""

    def __init__(self, target) -> None:
        self.target = target

    def __reduce__(self):
        return os.mkdir, (str(self.target),)


@pytest.mark.parametrize("kind", ["zip", "old", "plain"])
def test_no_code_of_a_file_is_run(tmp_path, net, kind):
    path, touched = tmp_path / "evil.pt", tmp_path / "touched"
    table = {"state_dict": net.state_dict(), "extra": Evil(touched)}
    if kind == "plain":
        path.write_bytes(pickle.dumps(Evil(touched), protocol=2))
    else:
        torch.save(table, path, _use_new_zipfile_serialization=kind == "zip")
    with pytest.raises(ValueError, match="code of a file is never run"):
        fmq.load_model(path)
    assert not touched.exists()
    pickle.loads(pickle.dumps(Evil(touched)))
    assert touched.exists(), "the file was harmless, so nothing was tested"


def test_a_pickled_network_is_one_sentence_with_its_class(tmp_path, net):
    torch.save(net, tmp_path / "whole.pt")
    with pytest.raises(
        ValueError, match=r"\(torch\.nn\.modules\.container\.Sequential\)"
    ) as caught:
        fmq.load_model(tmp_path / "whole.pt")
    assert "torch.save(model.state_dict()" in str(caught.value)


def test_a_packed_file_points_to_its_reader(tmp_path, net):
    fmq.quantize_model(net, bits=2).save(tmp_path / "packed.safetensors")
    with pytest.raises(ValueError, match=r"packed quantized network: open it .*load_quantized"):
        fmq.load_model(tmp_path / "packed.safetensors")


def scripted(path) -> None:
    torch.jit.script(nn.Linear(2, 2)).save(str(path))


def squeezed(path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/data.pkl", bytes(10_000))


def huge_header(path) -> None:
    entry = {"w": {"dtype": "F16", "shape": [20_000, 20_000], "data_offsets": [0, 800_000_000]}}
    text = json.dumps(entry).encode()
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        file.truncate(8 + len(text) + 800_000_000)


BROKEN = {
    "empty.pt": (lambda p: p.touch(), "is empty"),
    "folder.pt": (
        lambda p: p.mkdir(),
        "is a folder: give the path of a .safetensors, .pt, .pth or",
    ),
    "missing.pt": (lambda p: None, "does not exist: check the path"),
    "model.onnx": (lambda p: p.write_bytes(b"1"), "ends in '.onnx'"),
    "junk.pt": (lambda p: p.write_bytes(b"hello" * 99), "is damaged, or no file of PyTorch"),
    "junk.safetensors": (lambda p: p.write_bytes(b"hello" * 99), "not a readable safetensors file"),
    "list.pt": (lambda p: torch.save([1, 2], p), "holds a list, not a state dict"),
    "tensor.pt": (lambda p: torch.save(torch.ones(3), p), "holds a Tensor, not a state dict"),
    "numbers.pt": (lambda p: torch.save({"lr": 0.1}, p), "holds no tensors"),
    "whole.pt": (lambda p: torch.save({"a": torch.arange(3)}, p), "holds no weights: of its 1"),
    "name.pt": (lambda p: torch.save({"a..b": torch.ones(2)}, p), "cannot be the name of a tensor"),
    "script.pt": (scripted, "is a TorchScript program"),
    "squeezed.pt": (squeezed, "not as torch.save writes files"),
    "view.pt": (
        lambda p: torch.save({"w": torch.ones(1).expand(20_000, 20_000)}, p),
        "400 million",
    ),
    "huge.safetensors": (huge_header, "holds 400 million numbers in 1 tensors, and up to 200"),
    "sparse.pt": (lambda p: torch.save({"w": torch.eye(3).to_sparse()}, p), "holds no weights"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_does_not_open_is_one_sentence(tmp_path, name):
    make, words = BROKEN[name]
    make(tmp_path / name)
    with pytest.raises(ValueError, match=re.escape(words)) as caught:
        fmq.load_model(tmp_path / name)
    text = str(caught.value)
    assert "\n" not in text
    assert len(text) < 300
    assert ": " in text, "no remedy"


def test_half_a_file_is_damaged(tmp_path, net):
    torch.save(net.state_dict(), tmp_path / "half.pt")
    save_file(content(net), tmp_path / "half.safetensors")
    for name in ("half.pt", "half.safetensors"):
        whole = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(whole[: len(whole) // 2])
        with pytest.raises(ValueError, match=r"is damaged|is not a readable"):
            fmq.load_model(tmp_path / name)


def test_the_size_is_looked_at_before_the_file(tmp_path, monkeypatch):
    with (tmp_path / "large.pt").open("wb") as file:
        file.truncate(3 * 2**30)  # a hole: it takes no room on the disk
    with pytest.raises(ValueError, match=r"has 3\.0 GiB, and files of up to 2 GiB are opened"):
        fmq.load_model(tmp_path / "large.pt")
    monkeypatch.setattr(limits, "MAX_TENSORS", 2)
    torch.save({str(i): torch.ones(2, 2) for i in range(3)}, tmp_path / "many.pt")
    with pytest.raises(ValueError, match="in 3 tensors"):
        fmq.load_model(tmp_path / "many.pt")


def test_a_file_that_is_overwritten_leaves_the_model_alone(tmp_path, net):
    path = tmp_path / "weights.safetensors"
    save_file(content(net), path)
    model = fmq.load_model(path)
    path.write_bytes(bytes(path.stat().st_size))
    assert same(model, content(net))


def test_a_json_about_other_things_is_no_card(tmp_path, net):
    save_file(content(net), tmp_path / "weights.safetensors")
    (tmp_path / "weights.json").write_text('{"trained_by": "someone"}')
    assert isinstance(fmq.load_model(tmp_path / "weights.safetensors"), WeightsOnly)
