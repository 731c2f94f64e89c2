import io
import json
import pickle
import struct

import pytest
from PIL import Image

from defib.datasets.cifar_batches import has_cifar_batches, read_cifar_batches
from defib.datasets.image_arrays import fingerprints
from defib.errors import DatasetError
from tests.datasets.small_sets import batches_of, binary_contents, small_images

IMAGES = small_images(channels=3, size=32)


def pickled(protocol: int) -> dict[str, bytes]:
    return {
        name: pickle.dumps({b"data": images.reshape(2, -1), b"labels": labels.tolist()}, protocol)
        for name, (images, labels) in batches_of(IMAGES).items()
    }


def old_string(content: bytes) -> bytes:
    """How Python 2, which wrote the published files, pickles a string."""
    if len(content) < 256:
        return b"U" + bytes([len(content)]) + content
    return b"T" + struct.pack("<i", len(content)) + content


def pickled_by_python_2() -> dict[str, bytes]:
    """The opcodes of the published files: numpy 1's names, and strings that are bytes."""
    kind = b"cnumpy\ndtype\n" + old_string(b"u1") + b"K\x00K\x01\x87R(K\x03"
    kind += old_string(b"|") + b"NNN" + 2 * b"J\xff\xff\xff\xff" + b"K\x00tb"
    found: dict[str, bytes] = {}
    for name, (images, labels) in batches_of(IMAGES).items():
        array = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85"
        array += old_string(b"b") + b"\x87R(K\x01K\x02M\x00\x0c\x86" + kind + b"\x89"
        array += old_string(images.tobytes()) + b"tb"
        numbers = b"](" + b"".join(b"K" + bytes([label]) for label in labels) + b"e"
        content = old_string(b"batch_label") + old_string(b"training batch 1 of 5")
        content += old_string(b"labels") + numbers + old_string(b"data") + array
        found[name] = b"\x80\x02}(" + content + b"u."
    return found


def png_files() -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for name, (images, _) in batches_of(IMAGES).items():
        stream = io.BytesIO()
        pixels = images.transpose(0, 2, 3, 1).reshape(2, 1024, 3)
        Image.fromarray(pixels).save(stream, "PNG")
        found[f"{name}.png"] = stream.getvalue()
    found["train_lables.json"] = json.dumps(IMAGES.train_labels.tolist()).encode()
    found["test_lables.json"] = json.dumps(IMAGES.test_labels.tolist()).encode()
    return found


def readers(contents: dict[str, bytes]):
    return {name: (lambda content=content: content) for name, content in contents.items()}


@pytest.mark.parametrize(
    "contents",
    [
        pickled_by_python_2(),
        pickled(0),
        pickled(2),
        pickled(4),
        binary_contents(IMAGES),
        png_files(),
    ],
    ids=["pickle of Python 2", "pickle 0", "pickle 2", "pickle 4", "binary", "png"],
)
def test_every_form_gives_the_same_images(contents: dict[str, bytes]):
    assert has_cifar_batches(readers(contents))
    assert fingerprints(read_cifar_batches(readers(contents))) == fingerprints(IMAGES)


def test_a_pickle_that_runs_something_is_refused():
    contents = pickled(2)
    contents["data_batch_3"] = pickle.dumps({b"data": print, b"labels": []})
    with pytest.raises(DatasetError, match=r"asks for `builtins.print`"):
        read_cifar_batches(readers(contents))


@pytest.mark.parametrize("content", [b"", b"\0" * 3074, b"text"])
def test_a_damaged_batch_is_refused(content: bytes):
    for contents in (pickled(2), binary_contents(IMAGES), png_files()):
        first = next(iter(contents))
        files = readers({**contents, first: content})
        if first.endswith(".bin") and not content:
            continue  # Nothing is a whole number of images; the fingerprint will tell.
        with pytest.raises(DatasetError, match="damaged"):
            read_cifar_batches(files)


def test_five_of_six_batches_are_not_enough():
    contents = binary_contents(IMAGES)
    del contents["test_batch.bin"]
    assert not has_cifar_batches(readers(contents))


def test_the_limit_of_pillow_is_put_back():
    before = Image.MAX_IMAGE_PIXELS
    read_cifar_batches(readers(png_files()))
    assert before == Image.MAX_IMAGE_PIXELS
