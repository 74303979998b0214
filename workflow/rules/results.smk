# From hits to genes, recall and the report.


rule annotate:
    input:
        hits=lambda wildcards: sample_of(wildcards).hits,
        genes=lambda wildcards: sample_of(wildcards).genes,
    output:
        "results/annotated/{sample}.{kind}",
    log:
        "logs/annotate/{sample}.{kind}.log",
    wildcard_constraints:
        kind="tsv|bed|gff3",
    conda:
        ENVIRONMENT
    container:
        CONTAINER
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 30 * attempt,
    params:
        options=options_of("annotate"),
    shell:
        "promscan annotate {input.hits:q} {input.genes:q} -o {output:q} {params.options:q} > {log:q} 2>&1"


rule evaluate:
    input:
        hits=lambda wildcards: sample_of(wildcards).hits,
        truth=lambda wildcards: sample_of(wildcards).truth,
        genome=lambda wildcards: sample_of(wildcards).genome,
    output:
        curve="results/evaluation/{sample}.tsv",
        metrics="results/evaluation/{sample}.json",
    log:
        "logs/evaluate/{sample}.log",
    conda:
        ENVIRONMENT
    container:
        CONTAINER
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 30 * attempt,
    params:
        options=options_of("evaluate"),
    shell:
        "promscan evaluate {input.hits:q} --tss {input.truth:q} --genome {input.genome:q}"
        " -o {output.curve:q} --json {output.metrics:q} {params.options:q} > {log:q} 2>&1"


rule report:
    input:
        hits=lambda wildcards: sample_of(wildcards).reported,
        genome=lambda wildcards: sample_of(wildcards).genome,
        truth=lambda wildcards: sample_of(wildcards).truth or [],
    output:
        report(
            "results/reports/{sample}.html",
            caption="../report/sample.rst",
            category="promoters",
            subcategory="{sample}",
        ),
    log:
        "logs/report/{sample}.log",
    conda:
        ENVIRONMENT
    container:
        CONTAINER
    threads: SCAN["threads"]
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 30 * attempt,
    params:
        truth=lambda wildcards, input: ["--tss", input.truth] if input.truth else [],
        options=options_of("report"),
    shell:
        "promscan report {input.hits:q} --genome {input.genome:q} -o {output:q} --title {wildcards.sample:q}"
        " --threads {threads} {params.truth:q} {params.options:q} > {log:q} 2>&1"


rule multiqc_tables:
    input:
        summaries=[path for sample in SAMPLES.values() for path in sample.summaries],
        annotated=[sample.annotated for sample in SAMPLES.values() if sample.genes],
        evaluations=[sample.evaluation for sample in SAMPLES.values() if sample.truth],
    output:
        directory("results/multiqc/tables"),
    log:
        "logs/multiqc_tables.log",
    conda:
        ENVIRONMENT
    container:
        CONTAINER
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 1000 * attempt,
        runtime=lambda wildcards, attempt: 15 * attempt,
    params:
        summaries={sample.name: sample.summaries for sample in SAMPLES.values()},
    script:
        "../scripts/multiqc_tables.py"


rule multiqc:
    input:
        rules.multiqc_tables.output,
    output:
        report("results/multiqc/promscan.html", caption="../report/multiqc.rst", category="promoters"),
    log:
        "logs/multiqc.log",
    conda:
        "../envs/multiqc.yaml"
    container:
        "docker://quay.io/biocontainers/multiqc:1.35--pyhdfd78af_0"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 30 * attempt,
    shell:
        "multiqc --force --no-version-check --outdir results/multiqc --filename promscan.html {input:q} > {log:q} 2>&1"
