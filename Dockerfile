# One image for the bot and for the worker; compose.yaml says which is which.
FROM python:3.12-slim

RUN apt-get update \
    && apt-get install -y --no-install-recommends libgl1 libglib2.0-0 \
    && rm -rf /var/lib/apt/lists/*

RUN useradd --create-home bolid && install -d -o bolid -g bolid /home/bolid/.cache
WORKDIR /home/bolid/app

COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY bot bot
COPY engine engine
COPY trainer trainer
COPY migrations migrations
COPY alembic.ini ./
RUN pip install --no-cache-dir -c constraints.txt -e .

USER bolid
ENV PYTHONUNBUFFERED=1
CMD ["python", "-m", "bot"]
