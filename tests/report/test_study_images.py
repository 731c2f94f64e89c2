import numpy as np

from defib.records.chart import Chart, Image, ImageGrid, ImageKind
from defib.report.figures.style import BLUE, FINDING
from defib.report.study_figures import drawn
from defib.report.study_images import CLASS_COLOURS, coloured


def hexadecimal(pixel: np.ndarray) -> str:
    return "#" + "".join(f"{round(255 * each):02x}" for each in pixel)


def test_greys_run_from_black_to_white_and_are_cut_off_beyond():
    found = coloured(np.array([[-1.0, 0.5, 2.0]]), ImageKind.GREY, 1.0)
    assert found.tolist() == [[[0.0] * 3, [0.5] * 3, [1.0] * 3]]


def test_no_difference_is_white_and_the_largest_have_the_fullest_colours():
    found = coloured(np.array([[-0.25, 0.0, 0.25, 9.0]]), ImageKind.DIFFERENCE, 0.25)[0]
    named = [hexadecimal(each) for each in found]
    assert (named[0], named[2], named[3]) == (FINDING, BLUE, BLUE)
    assert found[1].min() > 0.98


def test_classes_differ_in_colour_and_only_class_0_is_the_background():
    found = coloured(np.arange(21.0)[None], ImageKind.CLASSES, 1.0)[0]
    named = [hexadecimal(each) for each in found]
    assert len(set(named[: len(CLASS_COLOURS)])) == len(CLASS_COLOURS)
    assert named.count(named[0]) == 1


def test_columns_rows_captions_and_classes_are_written():
    image = Image(((0, 1),), ImageKind.CLASSES, caption="of 1 x 2")
    grid = ImageGrid(((image,),), ("before",), ("a row",), classes=("page", "ink"))
    svg = drawn(Chart("c", "T", "D.", (grid,))).svg
    for text in ("before", "a row", "of 1 x 2", "page", "ink"):
        assert f">{text}</text>" in svg


def test_each_image_keeps_its_own_pixels():
    grid = ImageGrid(((Image(((0.0, 1.0),)), Image(((0.0,),))),))
    svg = drawn(Chart("c", "T", "D.", (grid,))).svg
    assert svg.count("<image ") == 2
