"""names of the glossary: the translated prompt, queued jobs, pending status messages"""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

INDEXES = {"jobs_line": "jobs_queued", "jobs_unclosed": "jobs_pending_status"}


def upgrade() -> None:
    op.alter_column("jobs", "told_prompt", new_column_name="translated_prompt")
    for old, new in INDEXES.items():
        op.execute(f"alter index {old} rename to {new}")


def downgrade() -> None:
    for old, new in INDEXES.items():
        op.execute(f"alter index {new} rename to {old}")
    op.alter_column("jobs", "translated_prompt", new_column_name="told_prompt")
