"""Sample sheets: every image in its place, points the right way up."""

import numpy as np
import pytest
import torch
from PIL import Image

from fmq_explore.flow.sheets import save_sheet, sheet


def test_images_stand_row_by_row():
    values = torch.linspace(-1, 1, 6)
    picture = sheet(values[:, None, None, None].expand(6, 1, 4, 4), columns=3, side=4)
    assert picture.shape == (9, 14)
    expected = np.round((values.numpy() + 1) * 127.5).tolist()
    assert picture[::5, ::5].flatten().tolist() == expected
    assert picture[3::5, 3::5].flatten().tolist() == expected
    assert set(picture[4].tolist()) == {128}  # the line between the rows


def test_an_unfinished_row_is_grey_and_values_are_clipped():
    picture = sheet(torch.full((3, 1, 2, 2), -7.0), side=2)
    assert picture.shape == (5, 5)
    assert (picture[3:, 3:] == 128).all()
    assert (picture == 0).sum() == 3 * 4


def test_colours_are_kept():
    red = torch.tensor([1.0, -1.0, -1.0])[None, :, None, None].expand(1, 3, 5, 5)
    assert sheet(red, side=5)[0, 0].tolist() == [255, 0, 0]


def test_points_are_dark_where_they_are_and_up_is_up():
    picture = sheet(torch.tensor([[2.0, 2.0]] * 50))
    rows, columns = np.nonzero(picture < 128)
    assert rows.max() < picture.shape[0] / 2 < columns.min()


def test_a_sheet_is_written_as_png(tmp_path):
    save_sheet(torch.zeros(4, 1, 8, 8), tmp_path / "deep" / "sheet.png")
    with Image.open(tmp_path / "deep" / "sheet.png") as image:
        assert image.size == (187, 187)


def test_other_shapes_are_refused():
    with pytest.raises(ValueError, match=r"use \(n, 2\) or \(n, 1 or 3, h, w\)"):
        sheet(torch.zeros(4, 2, 8, 8))
