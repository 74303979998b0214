process PROMSCAN_SCAN {
    tag "${meta.id}"
    label 'process_medium'

    conda "${moduleDir}/environment.yml"
    container "${workflow.containerEngine in ['singularity', 'apptainer'] && !task.ext.singularity_pull_docker_container
        ? 'https://depot.galaxyproject.org/singularity/promscan:0.1.0--pyhdfd78af_0'
        : 'quay.io/biocontainers/promscan:0.1.0--pyhdfd78af_0'}"

    input:
    tuple val(meta), path(fasta), path(fai)
    val format
    val track

    output:
    tuple val(meta), path("${prefix}.${format}.gz")                        , emit: hits
    tuple val(meta), path("${prefix}.${format}.gz.{tbi,csi}")              , emit: index
    tuple val(meta), path("${prefix}.json")                                , emit: summary
    tuple val(meta), path("${prefix}.contigs.tsv")                         , emit: contigs
    tuple val(meta), path("${prefix}_mqc.json")                            , emit: multiqc
    tuple val(meta), path("${prefix}.{plus,minus}.bw")                     , emit: track, optional: true
    tuple val("${task.process}"), val('promscan'), eval("promscan --version | sed 's/promscan //'"), emit: versions_promscan, topic: versions

    when:
    task.ext.when == null || task.ext.when

    script:
    def args = task.ext.args ?: ''
    prefix = task.ext.prefix ?: "${meta.id}"
    if (!(format in ['bed', 'gff3', 'narrowPeak'])) {
        error("PROMSCAN_SCAN: format '${format}' is none of bed, gff3 and narrowPeak")
    }
    def track_arg = track ? "--track ${prefix}" : ''
    """
    promscan \\
        scan \\
        ${fasta} \\
        -o ${prefix}.${format}.gz \\
        --summary ${prefix}.json \\
        --threads ${task.cpus} \\
        ${track_arg} \\
        ${args}
    """

    stub:
    prefix = task.ext.prefix ?: "${meta.id}"
    if (!(format in ['bed', 'gff3', 'narrowPeak'])) {
        error("PROMSCAN_SCAN: format '${format}' is none of bed, gff3 and narrowPeak")
    }
    def track_cmd = track ? "touch ${prefix}.plus.bw ${prefix}.minus.bw" : ''
    """
    echo "" | gzip > ${prefix}.${format}.gz
    touch ${prefix}.${format}.gz.tbi
    touch ${prefix}.json ${prefix}.contigs.tsv ${prefix}_mqc.json
    ${track_cmd}
    """
}
