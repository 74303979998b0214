# promscan in a container.
#
#   docker build -t promscan .                                                                 on the CPU
#   docker build -t promscan:cuda --build-arg TORCH_INDEX=https://download.pytorch.org/whl/cu126 \
#       --build-arg COMPILER="gcc libc6-dev" .                                                 on CUDA
#
#   docker run --rm --user "$(id -u):$(id -g)" -v "$PWD:/data" promscan scan genome.fa -o hits.bed
#   docker run --rm --gpus all --user "$(id -u):$(id -g)" -v "$PWD:/data" promscan:cuda scan genome.fa -o hits.bed

FROM python:3.11.14-slim-bookworm AS wheel

WORKDIR /src
COPY . .
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /dist .


FROM python:3.11.14-slim-bookworm

ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
ARG COMPILER=""

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore

# pybedtools calls bedtools, which its wheel does not bring; Triton calls a compiler on CUDA.
# hadolint ignore=DL3008,SC2086
RUN apt-get update \
    && apt-get install --yes --no-install-recommends bedtools ${COMPILER} \
    && rm -rf /var/lib/apt/lists/*

# torch first: it is by far the largest layer, and a change of promscan leaves it in the cache.
RUN pip install --no-cache-dir --index-url "${TORCH_INDEX}" "torch>=2.5"

# The wheel is only looked at, so no layer holds the source or the wheel.
RUN --mount=type=bind,from=wheel,source=/dist,target=/dist pip install --no-cache-dir /dist/*.whl

RUN useradd --create-home --uid 1000 promscan
USER 1000
WORKDIR /data
# Where Triton keeps what it compiles, for whatever user.
ENV TRITON_CACHE_DIR=/tmp/triton

# An image that does not find the promoters of the demo genome is not built.
RUN ["promscan", "selftest", "--device", "cpu", "--threads", "2"]

ENTRYPOINT ["promscan"]
CMD ["--help"]
