import numpy as np
import pytest

from defib.datasets.idx_files import has_idx_files, idx_array, read_idx_files
from defib.errors import DatasetError
from tests.datasets.small_sets import idx_content, idx_contents, small_images


def test_an_array_comes_back():
    array = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    assert np.array_equal(idx_array(idx_content(array), "images"), array)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0\0",
        idx_content(np.zeros(3, np.uint8))[:-1],
        idx_content(np.zeros(3, np.uint8)) + b"\0",
        b"\0\0\x0d\x01\0\0\0\x01\0\0\0\0",
    ],
    ids=["empty", "no header", "cut off", "too long", "floats"],
)
def test_what_is_no_whole_idx_file_is_refused(content: bytes):
    with pytest.raises(DatasetError, match="`labels` is no whole idx file"):
        idx_array(content, "labels")


def test_files_named_with_a_dot_are_found():
    contents = idx_contents(small_images())
    files = {
        name.replace("-idx", ".idx"): (lambda content=content: content)
        for name, content in contents.items()
    }
    assert has_idx_files(files)
    assert len(read_idx_files(files).train_images) == 10


def test_three_of_four_files_are_not_enough():
    files = {name: (lambda: b"") for name in list(idx_contents(small_images()))[:3]}
    assert not has_idx_files(files)
    with pytest.raises(DatasetError, match="`t10k-labels-idx1-ubyte` is missing"):
        read_idx_files({**files, **_readers(dict(list(idx_contents(small_images()).items())[:3]))})


def test_a_damaged_zip_is_refused():
    contents = idx_contents(small_images())
    contents["train-images-idx3-ubyte"] = b"\x1f\x8b damaged"
    with pytest.raises(DatasetError, match="zipped"):
        read_idx_files(_readers(contents))


def _readers(contents: dict[str, bytes]):
    return {name: (lambda content=content: content) for name, content in contents.items()}
