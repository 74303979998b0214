# From genomes to hits.


rule index_genome:
    # Without an index, each shard would read the genome from its start: a thousand shards, a thousand genomes. One
    # process does this while all others wait, so it is left out where the genome has its index.
    input:
        genome=lambda wildcards: sample_of(wildcards).genome,
    output:
        genome=temp("results/genomes/{sample}.fa"),
        index=temp("results/genomes/{sample}.fa.fai"),
    log:
        "logs/index_genome/{sample}.log",
    wildcard_constraints:
        sample=DIVIDED,
    conda:
        ENVIRONMENT
    container:
        CONTAINER
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 1000 * attempt,
        runtime=lambda wildcards, attempt: 30 * attempt,
    params:
        python=PYTHON,
        script=workflow.source_path("../scripts/index_genome.py"),
    shell:
        "{params.python:q} {params.script:q} {input.genome:q} {output.genome:q} > {log:q} 2>&1"


rule scan_shard:
    input:
        genome=lambda wildcards: sample_of(wildcards).indexed_genome,
        index=lambda wildcards: sample_of(wildcards).index,
    output:
        hits=temp(f"results/shards/{{sample}}/{{shard}}-of-{{shards}}.{FORMAT}"),
        summary=f"results/summaries/{{sample}}/{{shard}}-of-{{shards}}.{FORMAT}.json",
        contigs=f"results/summaries/{{sample}}/{{shard}}-of-{{shards}}.{FORMAT}.contigs.tsv",
        multiqc=f"results/summaries/{{sample}}/{{shard}}-of-{{shards}}.{FORMAT}_mqc.json",
    log:
        "logs/scan/{sample}/{shard}-of-{shards}.log",
    wildcard_constraints:
        sample=DIVIDED,
    # --resume goes on where a stopped attempt was.
    retries: 3
    conda:
        ENVIRONMENT
    container:
        CONTAINER
    threads: SCAN["threads"]
    resources:
        mem_mb=scan_memory,
        runtime=scan_minutes,
        gpu=SCAN["gpus"],
    params:
        model=lambda wildcards: sample_of(wildcards).model,
        strength=SCAN["strength"],
        device=DEVICE,
        options=options_of("scan"),
    shell:
        "promscan scan {input.genome:q} -o {output.hits:q} --shard {wildcards.shard}/{wildcards.shards}"
        " --model {params.model:q} --strength {params.strength:q} --device {params.device} --threads {threads}"
        " --resume --summary {output.summary:q} {params.options:q} > {log:q} 2>&1"


rule merge:
    input:
        lambda wildcards: sample_of(wildcards).parts,
    output:
        f"results/hits/{{sample}}.{FORMAT}.gz",
    log:
        "logs/merge/{sample}.log",
    wildcard_constraints:
        sample=DIVIDED,
    conda:
        ENVIRONMENT
    container:
        CONTAINER
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 1000 * attempt,
        runtime=lambda wildcards, attempt: 15 * attempt,
    shell:
        "promscan merge {input:q} -o {output:q} > {log:q} 2>&1"


rule scan_genome:
    input:
        genome=lambda wildcards: sample_of(wildcards).genome,
    output:
        hits=f"results/hits/{{sample}}.{FORMAT}.gz",
        summary="results/summaries/{sample}.json",
        contigs="results/summaries/{sample}.contigs.tsv",
        multiqc="results/summaries/{sample}_mqc.json",
    log:
        "logs/scan/{sample}.log",
    wildcard_constraints:
        sample=WHOLE,
    retries: 3
    # On a cluster, several small genomes may share one job.
    group:
        "small_genomes"
    conda:
        ENVIRONMENT
    container:
        CONTAINER
    threads: SCAN["threads"]
    resources:
        mem_mb=scan_memory,
        runtime=scan_minutes,
        gpu=SCAN["gpus"],
    params:
        model=lambda wildcards: sample_of(wildcards).model,
        strength=SCAN["strength"],
        device=DEVICE,
        options=options_of("scan"),
    shell:
        "promscan scan {input.genome:q} -o {output.hits:q}"
        " --model {params.model:q} --strength {params.strength:q} --device {params.device} --threads {threads}"
        " --resume --summary {output.summary:q} {params.options:q} > {log:q} 2>&1"
