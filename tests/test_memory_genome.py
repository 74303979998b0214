"""Sequences in memory are scanned as the FASTA file that holds them; a text is never taken for the wrong thing."""

from __future__ import annotations

import numpy as np
import pytest
from genomes import DATA, DEMO, EVERY_WINDOW, TINY, a_few, demo_contigs, genomes, random_bases, write_fasta
from hypothesis import given
from hypothesis import strategies as st

import promscan
from promscan.errors import InputError
from promscan.io.genome import Genome
from promscan.io.memory_genome import MemoryGenome, open_genome

OPTIONS = {"model": TINY, "strength": None, "device": "cpu"}


@a_few
@given(data=st.data(), contigs=genomes(), step=st.integers(1, 200), margin=st.integers(0, 100))
def test_chunks_are_those_of_the_file(tmp_path, data, contigs, step, margin):
    path = write_fasta(tmp_path / "genome.fa", contigs)
    spans = None
    if data.draw(st.booleans(), "spans"):
        chrom = data.draw(st.sampled_from(sorted(contigs)))
        lo = data.draw(st.integers(0, 400))
        spans = {chrom: [(lo, lo + data.draw(st.integers(1, 300)))]}
    for skip_masked in (False, True):
        pairs = zip(
            Genome(path, skip_masked=skip_masked).read_chunks(step, spans, margin=margin),
            MemoryGenome(contigs, skip_masked=skip_masked).read_chunks(step, spans, margin=margin),
            strict=True,
        )
        for expected, chunk in pairs:
            assert (chunk.chrom, chunk.start, chunk.before, chunk.after) == (
                expected.chrom, expected.start, expected.before, expected.after,
            )  # fmt: skip
            assert np.array_equal(chunk.codes, expected.codes)
    assert MemoryGenome(contigs).contigs() == Genome(path).contigs()


def test_hits_and_header_are_those_of_the_file(tmp_path):
    contigs = {"chr1": random_bases(300, 1), "chr2": random_bases(200, 2)}
    for options in ({}, {"regions": ["chr2:50-150"]}, {"shard": (1, 2)}):
        of_file = promscan.scan(write_fasta(tmp_path / "genome.fa", contigs), **OPTIONS, **EVERY_WINDOW, **options)
        in_memory = promscan.scan(contigs, **OPTIONS, **EVERY_WINDOW, **options)
        assert list(in_memory) == list(of_file)
        assert in_memory.settings == of_file.settings


def test_a_text_too_long_for_a_file_name_is_one_sequence():
    bases = random_bases(256, 3)
    hits = list(promscan.scan(bases, **OPTIONS, **EVERY_WINDOW))
    assert {hit.chrom for hit in hits} == {"sequence"}
    assert hits == list(promscan.scan({"sequence": bases}, **OPTIONS, **EVERY_WINDOW))


@pytest.mark.parametrize("name", ["A" * 255, "ACGT", "folder/" + "A" * 300])
def test_a_text_that_could_be_a_file_name_is_a_path(name):
    with pytest.raises(InputError, match=r"No such file or directory|File name too long"):
        open_genome(name)


def test_a_file_whose_name_looks_like_dna_is_read(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_fasta(tmp_path / "ACGT", {"chr1": "ACGT" * 20})
    assert open_genome("ACGT").contigs() == {"chr1": 80}


@pytest.mark.parametrize(
    ("sequences", "complaint"),
    [
        ({}, "sequences in memory: there is none; give at least one"),
        ({"chr1": "ACGT", "P53": "MEEPQ"}, "sequence 'P53': 'E' at index 1 is not a nucleotide letter; give DNA"),
        ({"chr1": "ACGTé"}, "sequence 'chr1': .* at index 4 is not a nucleotide letter"),
        ({"chr1": b"ACGT"}, "sequence 'chr1': is of type bytes; give its letters as text"),
        ({"two words": "ACGT"}, "name 'two words' of a sequence"),
        ({"a\tb": "ACGT"}, "name .* of a sequence"),
        ({"": "ACGT"}, "name '' of a sequence"),
        ({"#1": "ACGT"}, "name '#1' of a sequence"),
        ({1: "ACGT"}, "name 1 of a sequence"),
    ],
)
def test_what_is_no_sequence_is_refused_by_name(sequences, complaint):
    with pytest.raises(InputError, match=complaint):
        open_genome(sequences)


def test_a_long_protein_is_refused():
    with pytest.raises(InputError, match="is not a nucleotide letter"):
        open_genome("MEEPQSDPSV" * 30)


def test_a_genome_to_train_on_is_that_of_the_file():
    starts = DATA / "demo_tss.bed"
    in_memory, of_file = (promscan.read_labelled_genome(genome, starts) for genome in (demo_contigs(), DEMO))
    assert in_memory.describe() == of_file.describe()
