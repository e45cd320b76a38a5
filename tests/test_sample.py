from __future__ import annotations

import hashlib
import os
import resource
import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from athena_lab.errors import (
    EmptySample,
    NotAFile,
    QuarantineUnusable,
    SampleNotFound,
    SampleTooLarge,
    SampleUnreadable,
)
from athena_lab.sample import Hashes, Quarantine, display_name


@pytest.fixture
def quarantine(tmp_path):
    return Quarantine(tmp_path / "q", max_bytes=1000)


def test_a_sample_is_stored_once_private_and_inert(quarantine):
    sample = quarantine.add_bytes(b"MZ" * 10, "evil.exe")
    assert sample == quarantine.add_bytes(b"MZ" * 10, "evil.exe")
    assert sample.sha256 == hashlib.sha256(b"MZ" * 10).hexdigest()
    path = quarantine.path(sample.sha256)
    assert path.name == f"{sample.sha256}.sample"
    assert path.read_bytes() == b"MZ" * 10
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(quarantine.folder.stat().st_mode) == 0o700
    assert sorted(entry.suffix for entry in quarantine.folder.iterdir()) == [".name", ".sample"]


def test_a_file_is_copied_and_found_again_by_hash(quarantine, tmp_path):
    (tmp_path / "a.bin").write_bytes(b"x" * 1000)
    sample = quarantine.add_path(tmp_path / "a.bin")
    assert quarantine.get(sample.sha256) == sample
    assert (sample.size, sample.name) == (1000, "a.bin")


def test_the_hashes_of_what_was_stored_lately_are_known(quarantine):
    sample = quarantine.add_bytes(b"abc")
    known = quarantine.hashes(sample.sha256)
    assert known == tuple(hashlib.new(name, b"abc").hexdigest() for name in ("md5", "sha1", "sha256"))
    assert Quarantine(quarantine.folder).hashes(sample.sha256) is None


def test_only_so_many_hashes_are_kept(quarantine):
    first = quarantine.add_bytes(b"first")
    for number in range(5_000):
        quarantine.stored(Hashes("", "", f"{number:064x}"))
    assert quarantine.hashes(first.sha256) is None
    assert quarantine.hashes(f"{4_999:064x}") is not None


def test_a_single_byte_is_a_sample(quarantine):
    assert quarantine.add_bytes(b"x").size == 1


@pytest.mark.parametrize("add", ["bytes", "path"])
def test_empty_is_refused(quarantine, tmp_path, add):
    (tmp_path / "empty").touch()
    do, argument = (quarantine.add_bytes, b"") if add == "bytes" else (quarantine.add_path, tmp_path / "empty")
    with pytest.raises(EmptySample, match="0 bytes"):
        do(argument)
    assert list(quarantine.folder.iterdir()) == []


def test_over_the_cap_is_refused_and_leaves_nothing(quarantine, tmp_path):
    (tmp_path / "big").write_bytes(b"x" * 1001)
    with pytest.raises(SampleTooLarge, match="1,000"):
        quarantine.add_path(tmp_path / "big")
    with quarantine.receive() as incoming:
        incoming.write(b"x" * 600)
        with pytest.raises(SampleTooLarge):
            incoming.write(b"x" * 600)
    assert list(quarantine.folder.iterdir()) == []


def test_what_is_not_a_readable_file_is_named(quarantine, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(NotAFile, match="directory"):
        quarantine.add_path(tmp_path)
    with pytest.raises(NotAFile):
        quarantine.add_path(tmp_path / "pipe")
    for missing in (tmp_path / "none", tmp_path / "pipe" / "below", "nul\0"):
        with pytest.raises(SampleNotFound, match="no file"):
            quarantine.add_path(missing)
    with pytest.raises(SampleUnreadable, match="cannot be read"):
        quarantine.add_path("x" * 10_000)


def test_a_full_disk_is_named(quarantine):
    quarantine.add_bytes(b"x")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))  # the system refuses to write more, as a full disk does
    try:
        with pytest.raises(QuarantineUnusable, match="File too large"):
            quarantine.add_bytes(b"x" * 500)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert sorted(entry.suffix for entry in quarantine.folder.iterdir()) == [".sample"]


def test_a_quarantine_that_others_can_write_to_is_refused(tmp_path):
    folder = tmp_path / "shared"
    folder.mkdir()
    folder.chmod(0o777)
    with pytest.raises(QuarantineUnusable, match="Others can write"):
        Quarantine(folder).add_bytes(b"x")


def test_what_a_killed_process_left_behind_is_removed(quarantine):
    quarantine.folder.mkdir(mode=0o700)
    old, new = quarantine.folder / "a.incoming", quarantine.folder / "b.incoming"
    for path in (old, new):
        path.touch()
    os.utime(old, (1, 1))
    quarantine.add_bytes(b"x")
    assert not old.exists()
    assert new.exists()


def test_hashes_that_are_none_cannot_reach_other_files(quarantine):
    quarantine.add_bytes(b"x")
    for wrong in ("../../etc/passwd", "A" * 64, "", "0" * 64):
        with pytest.raises(SampleNotFound):
            quarantine.get(wrong)


def test_what_is_found_inside_another_takes_no_name_away(quarantine):
    given = quarantine.add_bytes(b"abc", "given.js")
    inside = quarantine.add_bytes(b"abc", "run.js", is_inside=True)
    assert (inside.name, quarantine.get(given.sha256).name) == ("run.js", "given.js")
    new = quarantine.add_bytes(b"abcd", "new.js", is_inside=True)
    assert quarantine.get(new.sha256).name == "new.js"
    assert quarantine.get(quarantine.add_bytes(b"abcd", "mine.js").sha256).name == "mine.js"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("C:\\Users\\x\\bad.exe", "bad.exe"),
        ("/tmp/../etc/bad", "bad"),
        ("invoice\u202efdp.exe", "invoice\ufffdfdp.exe"),
        ("a\x1b[31m\n.exe", "a\ufffd[31m\ufffd.exe"),
        ("Übersicht.pdf", "Übersicht.pdf"),
    ],
)
def test_names_cannot_disguise_themselves(name, shown):
    assert display_name(name) == shown


@given(st.text())
def test_any_name_becomes_one_printable_component(name):
    shown = display_name(name)
    assert len(shown) <= 200
    assert not set(shown) & set("/\\\n\r\x00\x1b\u202e")
    shown.encode("utf-8")


def test_a_sample_that_comes_to_its_place_while_another_begins_disturbs_nobody(tmp_path):
    (tmp_path / "q").mkdir(mode=0o700)
    (tmp_path / "q" / "x.incoming").symlink_to("gone")  # listed, and then not there to be looked at
    assert Quarantine(tmp_path / "q").add_bytes(b"x").size == 1
