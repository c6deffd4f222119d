"""The folder of the demonstration: replaced when it is one, refused when it is anything else."""

from pathlib import Path

import pytest

from escrow.demo.folder import MARK, NotADemoFolder, prepare, write_keys


def test_a_former_demonstration_is_replaced(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "demo"
    prepare(folder)
    (folder / "escrow.db").write_text("old")
    (folder / "bank" / "old.csv").write_text("old")

    prepare(folder)

    assert sorted(each.name for each in folder.iterdir()) == [MARK, "bank", "qr"]
    assert list((folder / "bank").iterdir()) == []


@pytest.mark.parametrize("mine", ["holiday.jpg", "escrow.db"])
def test_a_folder_that_no_demonstration_made_is_refused_and_not_touched(tmp_path: Path, mine: str) -> None:
    (tmp_path / mine).write_text("mine")

    with pytest.raises(NotADemoFolder, match=mine):
        prepare(tmp_path)

    assert {each.name: each.read_text() for each in tmp_path.iterdir()} == {mine: "mine"}


def test_a_demonstration_that_somebody_put_a_file_into_is_refused_and_not_touched(tmp_path: Path) -> None:
    prepare(tmp_path)
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "escrow.db").write_text("books")

    with pytest.raises(NotADemoFolder, match=r"notes\.txt"):
        prepare(tmp_path)

    assert (tmp_path / "escrow.db").read_text() == "books"


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "demo").write_text("mine")

    with pytest.raises(NotADemoFolder, match="a file"):
        prepare(tmp_path / "demo")


def test_keys_are_for_their_owners_eyes_only(tmp_path: Path) -> None:
    write_keys(tmp_path, [("bureau", "张督导", "te_secret")])

    file = tmp_path / "api-keys.txt"
    assert file.stat().st_mode & 0o777 == 0o600
    assert "te_secret" in file.read_text(encoding="utf-8")
