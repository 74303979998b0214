# ruff: noqa: E501
"""Genes of annotations: GFF3 of NCBI, Ensembl, GENCODE, Prokka and Bakta, GTF, and BED, written by hand."""

from __future__ import annotations

import gzip
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from promscan.errors import InputError
from promscan.io.gene_readers import read_genes
from promscan.io.genes import Genes

# Columns are divided by blanks here where no attribute holds one.

NCBI_BACTERIUM = """\
##gff-version 3
#!gff-spec-version 1.21
#!processor NCBI annotwriter
##sequence-region NC_1.1 1 5000
##species https://www.ncbi.nlm.nih.gov/Taxonomy/Browser/wwwtax.cgi?id=511145
NC_1.1 RefSeq region 1 5000 . + . ID=NC_1.1:1..5000;Dbxref=taxon:511145;Is_circular=true;gbkey=Src;genome=chromosome
NC_1.1 RefSeq gene 190 255 . + . ID=gene-b0001;Dbxref=ASAP:1;Name=thrL;gbkey=Gene;gene=thrL;gene_biotype=protein_coding;locus_tag=b0001
NC_1.1 RefSeq CDS 190 255 . + 0 ID=cds-NP_1.1;Parent=gene-b0001;Name=NP_1.1;gbkey=CDS;gene=thrL;product=leader%3B short
NC_1.1 RefSeq gene 300 900 . - . ID=gene-b0002;Name=rrfX;gene=rrfX;gene_biotype=rRNA;locus_tag=b0002
NC_1.1 RefSeq rRNA 300 900 . - . ID=rna-b0002;Parent=gene-b0002;gene=rrfX;locus_tag=b0002;product=5S ribosomal RNA
NC_1.1 RefSeq exon 300 900 . - . ID=exon-b0002-1;Parent=rna-b0002;gene=rrfX
NC_1.1 RefSeq pseudogene 1000 1400 . + . ID=gene-b0003;Name=b0003;gene_biotype=pseudogene;locus_tag=b0003;pseudo=true
NC_1.1 RefSeq CDS 1000 1400 . + 0 ID=cds-b0003;Parent=gene-b0003;pseudo=true
NC_1.1 RefSeq mobile_genetic_element 2000 2600 . + . ID=id-1;mobile_element_type=insertion sequence:IS1
"""

NCBI_HUMAN = """\
##gff-version 3
NC_2.12 BestRefSeq gene 1001 9000 . - . ID=gene-ABC1;Dbxref=GeneID:7,HGNC:HGNC:9;Name=ABC1;gbkey=Gene;gene=ABC1;gene_biotype=protein_coding
NC_2.12 BestRefSeq mRNA 1001 9000 . - . ID=rna-NM_1.4;Parent=gene-ABC1;Name=NM_1.4;gene=ABC1;transcript_id=NM_1.4
NC_2.12 BestRefSeq exon 8501 9000 . - . ID=exon-NM_1.4-1;Parent=rna-NM_1.4;gene=ABC1
NC_2.12 BestRefSeq exon 1001 3000 . - . ID=exon-NM_1.4-2;Parent=rna-NM_1.4;gene=ABC1
NC_2.12 BestRefSeq CDS 2001 2600 . - 0 ID=cds-NP_1.4;Parent=rna-NM_1.4;gene=ABC1
NC_2.12 BestRefSeq primary_transcript 4001 4080 . - . ID=rna-NR_1.1;Parent=gene-MIR1;gene=MIR1
NC_2.12 BestRefSeq gene 4001 4080 . - . ID=gene-MIR1;Name=MIR1;gene=MIR1;gene_biotype=miRNA
NC_2.12 BestRefSeq miRNA 4011 4032 . - . ID=rna-MIR1;Parent=rna-NR_1.1;gene=MIR1
NC_2.12 RefSeq gene 5001 5400 . ? . ID=gene-rps12;Name=rps12;gene=rps12;exception=trans-splicing
"""

ENSEMBL = """\
##gff-version 3
##sequence-region 1 1 20000
#!genome-build EXAMPLE
1 example chromosome 1 20000 . . . ID=chromosome:1;Alias=CM1
###
1 ensembl_havana gene 1001 6000 . + . ID=gene:ENSG01;Name=XYZ;biotype=protein_coding;gene_id=ENSG01;logic_name=h;version=3
1 ensembl_havana mRNA 1001 6000 . + . ID=transcript:ENST01;Parent=gene:ENSG01;Name=XYZ-201;biotype=protein_coding;transcript_id=ENST01
1 ensembl_havana five_prime_UTR 1001 1200 . + . Parent=transcript:ENST01
1 ensembl_havana exon 1001 1200 . + . Parent=transcript:ENST01;Name=ENSE1;exon_id=ENSE1;rank=1
1 ensembl_havana exon 2001 6000 . + . Parent=transcript:ENST01;Name=ENSE2;exon_id=ENSE2;rank=2
1 ensembl_havana five_prime_UTR 2001 2050 . + . Parent=transcript:ENST01
1 ensembl_havana CDS 2051 5000 . + 0 ID=CDS:ENSP01;Parent=transcript:ENST01;protein_id=ENSP01
1 ensembl_havana three_prime_UTR 5001 6000 . + . Parent=transcript:ENST01
1 havana lnc_RNA 3001 6000 . + . ID=transcript:ENST02;Parent=gene:ENSG01;biotype=retained_intron
###
1 havana ncRNA_gene 7001 7500 . - . ID=gene:ENSG02;biotype=lncRNA;gene_id=ENSG02;version=1
1 havana lnc_RNA 7001 7500 . - . ID=transcript:ENST03;Parent=gene:ENSG02;biotype=lncRNA
1 havana biological_region 8000 8100 . + . external_name=oe %3D 0.9;logic_name=cpg
"""

GENCODE = """\
##gff-version 3
#description: evidence-based annotation
chr1 HAVANA gene 11869 14409 . + . ID=ENSG223.5;gene_id=ENSG223.5;gene_type=transcribed_unprocessed_pseudogene;gene_name=DDX;level=2
chr1 HAVANA transcript 11869 14409 . + . ID=ENST456.2;Parent=ENSG223.5;gene_id=ENSG223.5;transcript_id=ENST456.2;gene_type=transcribed_unprocessed_pseudogene
chr1 HAVANA exon 11869 12227 . + . ID=exon:ENST456.2:1;Parent=ENST456.2;gene_id=ENSG223.5
chr1 HAVANA transcript 12010 13670 . + . ID=ENST450.2;Parent=ENSG223.5;gene_id=ENSG223.5;transcript_id=ENST450.2
"""

PROKKA = """\
##gff-version 3
##sequence-region contig_1 1 4000
contig_1 Prodigal:002006 CDS 101 400 . + 0 ID=ABC_00001;Name=dnaA_1;gene=dnaA_1;inference=ab initio prediction:Prodigal:002006;locus_tag=ABC_00001;product=Chromosomal replication initiator protein DnaA
contig_1 Prodigal:002006 CDS 500 900 . - 0 ID=ABC_00002;inference=ab initio prediction:Prodigal:002006;locus_tag=ABC_00002;product=hypothetical protein
contig_1 Aragorn:001002 tRNA 1000 1075 . + . ID=ABC_00003;inference=COORDINATES:profile:Aragorn:001002;locus_tag=ABC_00003;product=tRNA-Met(cat)
contig_1 minced:0.4.2 repeat_region 2000 2300 . . . note=CRISPR with 5 repeat units;rpt_family=CRISPR
##FASTA
>contig_1
ACGTACGTACGTACGT
contig_1 x CDS 1 9 . + 0 ID=not_a_row
"""

PROKKA_WITH_GENES = """\
##gff-version 3
c1 prokka gene 101 400 . + . ID=ABC_1_gene;Name=dnaA;gene=dnaA;locus_tag=ABC_1
c1 prokka mRNA 101 400 . + . ID=ABC_1_mRNA;Name=dnaA;gene=dnaA;locus_tag=ABC_1
c1 Prodigal CDS 101 400 . + 0 ID=ABC_1;Parent=ABC_1_gene,ABC_1_mRNA;Name=dnaA;gene=dnaA;locus_tag=ABC_1
c1 prokka gene 500 575 . - . ID=ABC_2_gene;locus_tag=ABC_2
c1 Aragorn tRNA 500 575 . - . ID=ABC_2;Parent=ABC_2_gene;locus_tag=ABC_2
"""

BAKTA = """\
##gff-version 3
##feature-ontology https://github.com/The-Sequence-Ontology/SO-Ontologies
# Annotated with Bakta
##sequence-region contig_1 1 4000
contig_1 Bakta region 1 4000 . + . ID=contig_1;Name=contig_1;Is_circular=true
contig_1 Prodigal CDS 1 300 . + 0 ID=KL_00005;Name=Thr operon leader peptide;locus_tag=KL_00005;product=Thr operon leader peptide;Dbxref=SO:0001217;gene=thrL
contig_1 Prodigal CDS 400 700 . + 0 ID=KL_00010;Name=hypothetical protein;locus_tag=KL_00010;product=hypothetical protein
contig_1 tRNAscan-SE tRNA 800 876 . - . ID=KL_00015;Name=tRNA-Met(cat);locus_tag=KL_00015;product=tRNA-Met(cat);gene=trnM
contig_1 Infernal ncRNA-region 900 1000 9.1 + . ID=KL_00020;Name=riboswitch;product=riboswitch
contig_1 PILER-CR CRISPR 1100 1500 . ? . ID=KL_00025;Name=CRISPR array
##FASTA
>contig_1
ACGT
"""

GTF = """\
#!genome-build EXAMPLE
1 havana gene 1001 6000 . + . gene_id "ENSG01"; gene_version "3"; gene_name "XYZ"; gene_source "havana"; gene_biotype "protein_coding";
1 havana transcript 1001 6000 . + . gene_id "ENSG01"; transcript_id "ENST01"; gene_name "XYZ"; gene_biotype "protein_coding";
1 havana exon 1001 1200 . + . gene_id "ENSG01"; transcript_id "ENST01"; exon_number "1"; gene_name "XYZ";
1 havana CDS 1101 1200 . + 0 gene_id "ENSG01"; transcript_id "ENST01"; exon_number "1"; gene_name "XYZ";
1 havana start_codon 1101 1103 . + 0 gene_id "ENSG01"; transcript_id "ENST01";
1 havana transcript 2001 6000 . + . gene_id "ENSG01"; transcript_id "ENST02"; gene_name "XYZ";
"""

GTF_OF_EXONS = """\
chr1 refGene exon 8501 9000 . - . gene_id "ABC1"; transcript_id "NM_1"; exon_number "1";
chr1 refGene exon 1001 3000 . - . gene_id "ABC1"; transcript_id "NM_1"; exon_number "2";
chr1 refGene CDS 2001 2600 . - 0 gene_id "ABC1"; transcript_id "NM_1"; exon_number "2";
chr2 refGene exon 101 200 . + . gene_id "ABC1"; transcript_id "NM_1"; exon_number "1";
"""

BED12 = """\
track name=genes
chr1 1000 9000 NM_1.4 0 - 2000 2600 0 2 2000,500, 0,7500,
chr1 20000 21000 NR_2 0 + 21000 21000 0 1 1000 0
"""


def read(folder: Path, text: str, name: str = "genes.gff3") -> Genes:
    lines = (line if line.startswith(("#", ">", "track")) else with_tabs(line) for line in text.splitlines())
    (folder / name).write_text("\n".join(lines) + "\n")
    return read_genes(folder / name)


def with_tabs(line: str) -> str:
    columns = line.split(" ")
    wide = len(columns) > 8 and columns[6] in ("+", "-", ".", "?")
    return "\t".join([*columns[:8], " ".join(columns[8:])] if wide else columns)


def described(genes: Genes) -> list[tuple[object, ...]]:
    """Contig, interval, strand, start codon, labels and 5' ends of each gene."""
    rows = []
    for index, labels in enumerate(genes.labels):
        starts = genes.starts.start[genes.starts.gene == index].tolist()
        place = (genes.chroms[genes.contig[index]], int(genes.start[index]), int(genes.end[index]))
        strand = "+" if genes.plus[index] else "-"
        rows.append((*place, strand, int(genes.coding[index]), *labels, starts))
    return rows


def leaders(genes: Genes) -> list[tuple[int, int, int]]:
    return list(zip(*(column.tolist() for column in genes.leaders), strict=True))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (NCBI_BACTERIUM, [
            ("NC_1.1", 189, 255, "+", 189, "b0001", "thrL", "protein_coding", [189]),
            ("NC_1.1", 299, 900, "-", -1, "b0002", "rrfX", "rRNA", [899]),
            ("NC_1.1", 999, 1400, "+", 999, "b0003", "b0003", "pseudogene", [999]),
        ]),
        (NCBI_HUMAN, [
            ("NC_2.12", 1000, 9000, "-", 2599, "gene-ABC1", "ABC1", "protein_coding", [8999]),
            ("NC_2.12", 4000, 4080, "-", -1, "gene-MIR1", "MIR1", "miRNA", [4079]),
        ]),
        (ENSEMBL, [
            ("1", 1000, 6000, "+", 2050, "ENSG01", "XYZ", "protein_coding", [1000, 3000]),
            ("1", 7000, 7500, "-", -1, "ENSG02", "", "lncRNA", [7499]),
        ]),
        (GENCODE, [
            ("chr1", 11868, 14409, "+", -1, "ENSG223.5", "DDX", "transcribed_unprocessed_pseudogene", [11868, 12009]),
        ]),
        (PROKKA, [
            ("contig_1", 100, 400, "+", 100, "ABC_00001", "dnaA_1", "protein_coding", [100]),
            ("contig_1", 499, 900, "-", 899, "ABC_00002", "", "protein_coding", [899]),
            ("contig_1", 999, 1075, "+", -1, "ABC_00003", "", "tRNA", [999]),
        ]),
        (BAKTA, [
            ("contig_1", 0, 300, "+", 0, "KL_00005", "thrL", "protein_coding", [0]),
            ("contig_1", 399, 700, "+", 399, "KL_00010", "", "protein_coding", [399]),
            ("contig_1", 799, 876, "-", -1, "KL_00015", "trnM", "tRNA", [875]),
        ]),
        (GTF, [("1", 1000, 6000, "+", 1100, "ENSG01", "XYZ", "protein_coding", [1000, 2000])]),
        (GTF_OF_EXONS, [
            ("chr1", 1000, 9000, "-", 2599, "ABC1", "", "protein_coding", [8999]),
            ("chr2", 100, 200, "+", -1, "ABC1", "", "", [100]),
        ]),
        (BED12, [
            ("chr1", 1000, 9000, "-", 2599, "NM_1.4", "NM_1.4", "protein_coding", [8999]),
            ("chr1", 20000, 21000, "+", -1, "NR_2", "NR_2", "", [20000]),
        ]),
    ],
    ids=["NCBI bacterium", "NCBI human", "Ensembl", "GENCODE", "Prokka", "Bakta", "GTF", "GTF of exons", "BED12"],
)  # fmt: skip
def test_the_genes_of_each_dialect_are_read(tmp_path: Path, text: str, expected: list[tuple[object, ...]]) -> None:
    assert described(read(tmp_path, text)) == expected


def test_a_gene_of_prokka_and_its_parts_are_one_gene(tmp_path: Path) -> None:
    found = described(read(tmp_path, PROKKA_WITH_GENES))
    assert [row[:8] for row in found if row[5] == "ABC_2"] == [("c1", 499, 575, "-", -1, "ABC_2", "", "tRNA")]
    assert ("c1", 100, 400, "+", 100, "ABC_1", "dnaA", "protein_coding") in [row[:8] for row in found]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (NCBI_HUMAN, [(0, 2600, 3000), (0, 8500, 9000)]),
        (ENSEMBL, [(0, 1000, 1200), (0, 2000, 2050)]),
        (GTF, [(0, 1000, 1100)]),
        (GTF_OF_EXONS, [(0, 2600, 3000), (0, 8500, 9000)]),
        (BED12, [(0, 2600, 3000), (0, 8500, 9000)]),
        (PROKKA, []),
    ],
)
def test_what_lies_before_a_start_codon_in_exons_is_the_five_prime_utr(
    tmp_path: Path, text: str, expected: list[tuple[int, int, int]]
) -> None:
    assert leaders(read(tmp_path, text)) == expected


def test_the_order_of_rows_does_not_matter(tmp_path: Path) -> None:
    head, *rows = [line for line in NCBI_HUMAN.splitlines() if "ABC1" in line or line.startswith("#")]
    forwards, backwards = (read(tmp_path, "\n".join([head, *order])) for order in (rows, rows[::-1]))
    assert described(forwards) == described(backwards)
    assert leaders(forwards) == leaders(backwards)


def test_a_gene_without_a_strand_is_counted_and_left_out(tmp_path: Path) -> None:
    assert read(tmp_path, NCBI_HUMAN).without_strand == 1


def test_parts_of_a_parent_without_a_row_are_a_gene(tmp_path: Path) -> None:
    rows = "c1 x CDS 101 200 . + 0 ID=cds1;Parent=mrna1\nc1 x CDS 301 400 . + 0 ID=cds1;Parent=mrna1\n"
    assert described(read(tmp_path, rows)) == [("c1", 100, 400, "+", 100, "mrna1", "", "protein_coding", [100])]


def test_a_parent_without_a_row_joins_its_transcripts(tmp_path: Path) -> None:
    rows = "c1 x mRNA 301 900 . - . ID=t1;Parent=g1\nc1 x mRNA 101 400 . - . ID=t2;Parent=g1\n"
    assert described(read(tmp_path, rows)) == [("c1", 100, 900, "-", -1, "g1", "", "protein_coding", [399, 899])]


def test_parents_in_a_circle_end(tmp_path: Path) -> None:
    rows = "c1 x mRNA 301 900 . - . ID=a;Parent=b\nc1 x mRNA 101 400 . - . ID=b;Parent=a\n"
    assert len(read(tmp_path, rows)) == 2


def test_escapes_and_several_parents_are_read(tmp_path: Path) -> None:
    rows = (
        "c%201 x gene 1 900 . + . ID=g%2C1;Name=a%3Bb%25\n"
        "c%201 x mRNA 1 900 . + . ID=t1;Parent=g%2C1\nc%201 x mRNA 51 900 . + . ID=t2;Parent=g%2C1\n"
        "c%201 x exon 51 100 . + . Parent=t1,t2\nc%201 x CDS 91 100 . + . Parent=t1,t2\n"
    )
    genes = read(tmp_path, rows)
    assert described(genes) == [("c 1", 0, 900, "+", 90, "g,1", "a;b%", "protein_coding", [0, 50])]
    assert leaders(genes) == [(0, 50, 90)]


def test_a_word_of_a_megabyte_in_column_nine_is_read_at_once(tmp_path: Path) -> None:
    rows = f'c1 x gene 1 90 . + . gene_id "g1"; {"9" * 1_000_000};{" " * 1_000_000}; gene_name "a";\n'
    (tmp_path / "genes.gtf").write_text("\t".join(rows.split(" ", 8)))
    began = time.process_time()
    genes = read_genes(tmp_path / "genes.gtf")
    assert time.process_time() - began < 5  # far more than an hour where each digit begins a search
    assert described(genes) == [("c1", 0, 90, "+", -1, "g1", "a", "", [0])]


@pytest.mark.parametrize("pack", [gzip.compress, lambda data: b"\xef\xbb\xbf" + data.replace(b"\n", b"\r\n")])
def test_genes_may_be_compressed_or_from_windows(tmp_path: Path, pack) -> None:
    plain = read(tmp_path, ENSEMBL)
    (tmp_path / "packed").write_bytes(pack((tmp_path / "genes.gff3").read_bytes()))
    assert described(read_genes(tmp_path / "packed")) == described(plain)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("##gff-version 3\n", "there are no genes in it"),
        ("c1 x region 1 90 . + . ID=c1\n", "there are no genes in it"),
        ("c1 x gene 1 90 . . . ID=c1\n", "no gene in it has a strand"),
        ("c1 x gene 90 1 . + . ID=c1\n", "line 1: 90 to 1 is no feature"),
        ('c1 x gene 1 90 . + . gene_name "a";\n', "line 1: there is no gene_id"),
        ("c1 1 90\n", "no gene in it has a strand"),
        ("c1 1 1 g 0 +\n", "line 1: an interval without bases is no gene"),
        ("c1 100 200 g 0 + 100 200 0 2 50,60 0\n", "line 1: columns 10 to 12 are not the blocks of BED12"),
        ("c1 100 200 g 0 + 100 200 0 1 101 0\n", "line 1: a block reaches past the end at 200"),
        ("c1 100 200 g 0 + 90 200 0 1 100 0\n", "line 1: the coding part in columns 7 and 8"),
        ("c1 0 70 c1_33_+ 900 + 33 3.1 0.9 . . . promoter\n", "line 1: a hit of promscan, and no gene"),
    ],
)
def test_what_are_no_genes_is_one_clear_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError) as failure:
        read(tmp_path, text)
    assert message in str(failure.value)
    assert "\n" not in str(failure.value)


def test_memory_grows_by_numbers_only_where_rows_are_parts(tmp_path: Path) -> None:
    """Texts are made for genes alone: a thousand exons of one transcript add three numbers each."""
    rows = ["c1 x gene 1 100000 . + . ID=g1", "c1 x mRNA 1 100000 . + . ID=t1;Parent=g1"]
    rows += [f"c1 x exon {i * 90 + 1} {i * 90 + 50} . + . ID=e{i};Parent=t1" for i in range(1000)]
    rows += ["c1 x CDS 90001 90050 . + . ID=p1;Parent=t1"]
    genes = read(tmp_path, "\n".join(rows))
    assert len(genes) == 1
    assert np.all(genes.leaders.end <= 90000)
    assert len(genes.leaders.gene) == 1000


_MEASURE = """
import sys
from promscan.commands.scanning.statistics import peak_memory
from promscan.io.gene_readers import read_genes
genes = read_genes(sys.argv[1])
print(len(genes), peak_memory() // 2**20)
"""


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_three_million_lines_fit_in_little_memory(tmp_path: Path) -> None:
    """As many genes, transcripts and exons as GENCODE has for human."""
    genes, transcripts, parts = 60_000, 4, 12
    with (tmp_path / "genes.gff3").open("w") as file:
        for gene in range(genes):
            place = f"chr{gene % 25}\tx\t{{}}\t{{}}\t{{}}\t.\t+\t.\t"
            start = gene * 40_000 + 1
            file.write(f"{place.format('gene', start, start + 30_000)}ID=ENSG{gene:011}.1;gene_name=G{gene}\n")
            for number in range(transcripts):
                key = f"ENST{gene * transcripts + number:011}.1"
                file.write(f"{place.format('transcript', start, start + 30_000)}ID={key};Parent=ENSG{gene:011}.1\n")
                for part in range(parts):
                    type, at = ("exon", "CDS")[part % 2], start + part // 2 * 5_000
                    file.write(f"{place.format(type, at, at + 150)}ID={type}:{key}:{part};Parent={key}\n")
    done = subprocess.run(
        [sys.executable, "-c", _MEASURE, str(tmp_path / "genes.gff3")], capture_output=True, text=True, check=True
    )
    count, megabytes = map(int, done.stdout.split())
    assert count == genes
    assert megabytes < 500
