# Two images: `--target bot` without torch, `--target worker` with it; compose.yaml builds both.
FROM python:3.12-slim AS base
RUN useradd --create-home bolid && install -d -o bolid -g bolid /home/bolid/.cache
WORKDIR /home/bolid/app
ENV PYTHONUNBUFFERED=1
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY bot bot
COPY engine engine

FROM base AS bot
COPY migrations migrations
COPY alembic.ini ./
RUN pip install --no-cache-dir -c constraints.txt -e '.[bot]'
USER bolid
CMD ["python", "-m", "bot"]

FROM base AS worker
RUN apt-get update \
    && apt-get install -y --no-install-recommends libgl1 libglib2.0-0 \
    && rm -rf /var/lib/apt/lists/*
RUN pip install --no-cache-dir -c constraints.txt -e '.[engine]'
USER bolid
RUN python -m engine fetch
CMD ["python", "-m", "engine.worker"]
