# Two images: `--target bot` without torch, `--target worker` with it; compose.yaml builds both.
FROM python:3.12-slim AS base
RUN useradd --create-home bolid && install -d -o bolid -g bolid /home/bolid/.cache
WORKDIR /home/bolid/app
# Packages are installed before the code is copied: an update of the code alone installs none of them again
ENV PYTHONUNBUFFERED=1 PYTHONPATH=/home/bolid/app
COPY pyproject.toml constraints.txt README.md LICENSE ./

FROM base AS bot
RUN pip install --no-cache-dir -c constraints.txt -e '.[bot]'
COPY migrations migrations
COPY alembic.ini ./
COPY engine/__init__.py engine/
COPY engine/contract engine/contract
COPY bot bot
USER bolid
CMD ["python", "-m", "bot"]

FROM base AS worker
RUN apt-get update \
    && apt-get install -y --no-install-recommends libgl1 libglib2.0-0 \
    && rm -rf /var/lib/apt/lists/*
# The address of a package index that has torch without CUDA, for machines without a GPU
ARG PIP_EXTRA_INDEX_URL
RUN pip install --no-cache-dir -c constraints.txt -e '.[engine]'
COPY engine engine
USER bolid
RUN python -m engine fetch
CMD ["python", "-m", "engine.worker"]
