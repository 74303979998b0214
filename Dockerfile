# promscan in a container.
#
#   docker build -t promscan .                                                                 on the CPU
#   docker build -t promscan --build-arg TORCH_INDEX=https://download.pytorch.org/whl/cu126 \
#       --build-arg COMPILER="gcc libc6-dev" .                                                 on CUDA
#
#   docker run --rm --user "$(id -u):$(id -g)" -v "$PWD:/data" promscan scan genome.fa -o hits.bed
#   (with --gpus all for CUDA)

FROM python:3.11.14-slim-bookworm

ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
ARG COMPILER=""

# pybedtools calls bedtools, which its wheel does not bring; Triton calls a compiler on CUDA.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends bedtools ${COMPILER} \
    && rm -rf /var/lib/apt/lists/*

# torch first: it is by far the largest layer, and a change of promscan leaves it in the cache.
RUN pip install --no-cache-dir --index-url "${TORCH_INDEX}" "torch>=2.5"

COPY . /src
RUN pip install --no-cache-dir "/src" && rm -rf /src

RUN useradd --create-home --uid 1000 promscan
USER promscan
WORKDIR /data
# Where Triton keeps what it compiles, for whatever user.
ENV TRITON_CACHE_DIR=/tmp/triton

ENTRYPOINT ["promscan"]
CMD ["--help"]
