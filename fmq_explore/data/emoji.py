"""Emoji: 3,786 small colour pictures on white, in nine categories."""

__all__ = ["emoji"]

import json
from pathlib import Path

import torch

from .dataset import Dataset, find_folder
from .folder import read_image

SIDE = 32
CATEGORIES = (
    *("Smileys & Emotion", "People & Body", "Animals & Nature", "Food & Drink"),
    *("Travel & Places", "Activities", "Objects", "Symbols", "Flags"),
)
NAMES = ("smiley", "person", "nature", "food", "travel", "activity", "object", "symbol", "flag")
TEST_EVERY = 10


def emoji(root: Path | None, split: str) -> Dataset:
    """Google's emoji at 32x32 pixels; every tenth of the list, in the list's order, is the test."""
    folder = find_folder("emoji", root, ("emoji.json",), "the npm package emoji-datasource-google")
    try:
        entries = json.loads((folder / "emoji.json").read_text(encoding="utf-8"))
        listed = [
            (picture["image"], CATEGORIES.index(entry["category"]))
            for entry in sorted(entries, key=lambda entry: entry["sort_order"])
            if entry["category"] in CATEGORIES
            for picture in (entry, *entry.get("skin_variations", {}).values())
        ]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{folder / 'emoji.json'} is not the list of the npm package emoji-datasource-google "
            f"({error}): unpack it again"
        ) from error
    images = folder / "img" / "google" / "64"
    chosen = [
        (images / name, label)
        for i, (name, label) in enumerate(listed)
        if (i % TEST_EVERY == TEST_EVERY - 1) == (split == "test") and (images / name).is_file()
    ]
    if not chosen:
        raise FileNotFoundError(
            f"no pictures in {images}: unpack the npm package emoji-datasource-google there"
        )
    x = torch.stack([read_image(path, SIDE) for path, _ in chosen])
    labels = torch.tensor([label for _, label in chosen])
    return Dataset("emoji", "Emoji", x, labels, NAMES, (-1.0, 1.0))
