"""Files appear whole or not at all."""

import errno
import gzip
import json
import os
import stat
from pathlib import Path

import pysam
import pytest
from written_hits import HITS, write

from promscan.errors import RunError
from promscan.io.files import atomic_path, check_outputs, open_text_output, safe_stem, write_errors
from promscan.io.hit_writers import write_summary


def write_json(path, summary):
    with open_text_output(str(path)) as file:
        write_summary(file, summary)


def test_summary_is_sorted_json(tmp_path):
    path = tmp_path / "summary.json"
    write_json(path, {"b": 1, "a": {"name": "é", "x": None}})
    assert path.read_text(encoding="utf-8") == '{\n  "a": {\n    "name": "é",\n    "x": null\n  },\n  "b": 1\n}\n'
    assert json.loads(path.read_bytes())["b"] == 1


def test_summary_that_is_no_json_leaves_nothing(tmp_path):
    with pytest.raises(TypeError):
        write_json(tmp_path / "summary.json", {"a": object()})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_reported_with_the_name_of_the_file():
    with pytest.raises(RunError, match="/dev/full: cannot be written: No space left"):
        write_json("/dev/full", {})


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (
            OSError(errno.EFBIG, "File too large"),
            "File too large; check the space left and the limit .* [(]ulimit -f[)]",
        ),
        (OSError("Error closing BGZFile object"), "not all of it was taken; check the space left .* [(]ulimit -f[)]"),
        (OSError(errno.EMFILE, "Too many open files"), "Too many open files; raise the limit .* [(]ulimit -n[)]"),
        (OSError(errno.EACCES, "Permission denied"), "Permission denied; check the space left and your permissions"),
    ],
    ids=["size", "pysam", "open files", "permission"],
)
def test_a_limit_is_named_with_its_cure(error, line):
    with pytest.raises(RunError, match=f"^x: cannot be written: {line}$"), write_errors("x"):
        raise error


def test_text_output(tmp_path, capsys):
    with open_text_output(str(tmp_path / "x.tsv")) as file:
        file.write("a\n")
        assert not (tmp_path / "x.tsv").exists()
    assert (tmp_path / "x.tsv").read_bytes() == b"a\n"
    with open_text_output("-") as file:
        file.write("b\n")
    assert capsys.readouterr().out == "b\n"


def half_write(target):
    with atomic_path(target) as path:
        path.write_text("half")
        raise ZeroDivisionError


def test_atomic_path_replaces_whole_files_or_none(tmp_path):
    target = tmp_path / "x"
    target.write_text("old")
    with pytest.raises(ZeroDivisionError):
        half_write(target)
    assert target.read_text() == "old"
    with atomic_path(target) as path:
        path.write_text("new")
    assert target.read_text() == "new"
    assert list(tmp_path.iterdir()) == [target]


def test_an_output_is_neither_an_input_nor_another_output(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "genome.fa").write_text(">a\nACGT\n")
    (tmp_path / "link.bed").symlink_to("genome.fa")
    for output in ("genome.fa", "./genome.fa", tmp_path / "genome.fa", "link.bed"):
        with pytest.raises(RunError, match="is read by this command; name another file to write to"):
            check_outputs([None, output], ["genome.fa", None])
    with pytest.raises(RunError, match=r"x\.bed: is named for two outputs"):
        check_outputs(["x.bed", tmp_path / "x.bed"], [])


def test_what_is_never_replaced_may_be_named_twice():
    check_outputs(["-", "/dev/null", "/dev/null"], ["-", "/dev/null"])


def test_standard_input_is_read_for_one_input_only():
    with pytest.raises(
        RunError, match=r"^standard input \(-\) is named for two inputs, and can be read only once; save"
    ):
        check_outputs(["x.bed"], ["-", None, "-"])


def test_a_folder_in_the_place_of_an_index_is_found_before_the_work(tmp_path):
    (tmp_path / "x.bed.gz.tbi").mkdir()
    with pytest.raises(
        RunError, match=r"x\.bed\.gz\.tbi: is a folder, and the index of .*x\.bed\.gz would have its name"
    ):
        check_outputs([tmp_path / "x.bed.gz"], [])
    check_outputs([tmp_path / "x.bed"], [])


def test_a_check_leaves_nothing_behind(tmp_path):
    check_outputs([tmp_path / "x.bed", None], [tmp_path / "genome.fa"])
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(RunError, match="cannot be written: No such file or directory; choose another place"):
        check_outputs([tmp_path / "no" / "x.bed"], [])
    with pytest.raises(RunError, match="is a folder; name a file in it"):
        check_outputs([tmp_path], [])


# -------------------------------------------------------------------------------------------- permissions, names, order


def test_a_file_that_is_replaced_passes_its_permissions_on(tmp_path):
    for mode in (0o600, 0o640, 0o664):
        target = tmp_path / "x"
        target.write_text("old")
        target.chmod(mode)
        with atomic_path(target) as path:
            path.write_text("new")
        assert (target.read_text(), stat.S_IMODE(target.stat().st_mode)) == ("new", mode)


def test_a_new_file_has_the_permissions_of_the_umask(tmp_path):
    before = os.umask(0o027)
    try:
        with open_text_output(str(tmp_path / "x")):
            pass
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "x").stat().st_mode) == 0o640


def test_hits_and_their_index_keep_permissions(tmp_path):
    target = write(tmp_path / "x.bed.gz", HITS)
    target.chmod(0o600)
    write(target, HITS)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert modes == {"x.bed.gz": 0o600, "x.bed.gz.tbi": 0o600}


@pytest.mark.parametrize("suffix", ["gz", "bgz"])
def test_an_index_never_stands_next_to_another_file(tmp_path, monkeypatch, suffix):
    """The machine may stop at any moment; seen at each change of the folder."""
    target = tmp_path / f"x.bed.{suffix}"
    write(target, HITS)
    states = []

    def look_before(change):
        def changed(*arguments, **options):
            index = Path(f"{target}.tbi")
            states.append((target.read_bytes(), index.read_bytes() if index.exists() else None))
            return change(*arguments, **options)

        return changed

    old = (target.read_bytes(), Path(f"{target}.tbi").read_bytes())
    monkeypatch.setattr(os, "replace", look_before(os.replace))
    monkeypatch.setattr(Path, "unlink", look_before(Path.unlink))
    write(target, HITS[:2])
    new = (target.read_bytes(), Path(f"{target}.tbi").read_bytes())
    assert old[0] != new[0]
    assert set(states) <= {old, (old[0], None), (new[0], None), new}
    with pysam.TabixFile(str(target)) as file:
        assert len(list(file.fetch())) == 2


@pytest.mark.parametrize(
    "name", ["genome.fa.fai", "genome.fa.gzi", "link.fa.FAI", "new.bed.gz.tbi", "x.csi", "link.bed"]
)
def test_an_output_is_no_index(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "genome.fa.fai").write_text("precious\n")
    (tmp_path / "link.bed").symlink_to("genome.fa.fai")
    with pytest.raises(RunError, match=f"^{name}: programs would take this for the index of a file; name another file"):
        check_outputs([name], ["genome.fa"])
    assert (tmp_path / "genome.fa.fai").read_text() == "precious\n"


def test_an_output_without_a_name_is_refused():
    with pytest.raises(RunError, match=r"^the name of an output is empty; name a file, or - for standard output$"):
        check_outputs([""], [])


def test_a_long_name_has_a_temporary_file_too(tmp_path):
    with atomic_path(tmp_path / ("é" * 125)) as path:
        path.write_text("x")
    assert [path.name for path in tmp_path.iterdir()] == ["é" * 125]


@pytest.mark.parametrize("where", ["os.open", "os.close"])
def test_an_interruption_while_the_temporary_file_is_made_leaves_nothing(tmp_path, monkeypatch, where):
    function = getattr(os, where[3:])

    def interrupted(*arguments):
        function(*arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(where, interrupted)
    with pytest.raises(KeyboardInterrupt):
        check_outputs([tmp_path / "x"], [])
    with pytest.raises(KeyboardInterrupt), atomic_path(tmp_path / "x"):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", [".gz", ".bgz", ".GZ"])
def test_text_with_a_suffix_of_compression_is_compressed_alike_each_time(tmp_path, suffix):
    written = []
    for name in ("a", "b"):
        path = tmp_path / f"{name}.tsv{suffix}"
        with open_text_output(str(path)) as file:
            file.write("é\n")
        written.append(path.read_bytes())
    assert gzip.decompress(written[0]).decode() == "é\n"
    assert written[0] == written[1]


def test_a_name_of_anything_makes_a_file_name():
    assert safe_stem("M1 GC box/../\n-35+é") == "M1_GC_box_____-35+_"
    assert safe_stem("x" * 300) == "x" * 80
