"""review of reported pictures and appeals, broadcasts, styles changed by admins"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "review_cases",
        sa.Column("id", sa.UUID(), primary_key=True),
        sa.Column("job_id", sa.UUID(), sa.ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False),
        sa.Column("user_id", sa.BigInteger(), sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("upheld", sa.Boolean(), nullable=True),
    )
    op.create_index("review_cases_once", "review_cases", ["job_id", "kind"], unique=True)
    op.create_index("review_cases_open", "review_cases", ["opened_at"], postgresql_where=sa.text("decided_at is null"))
    op.execute(
        "insert into review_cases (id, job_id, user_id, kind, reason, opened_at) "
        "select gen_random_uuid(), id, user_id, 'report', coalesce(report_reason, 'other'), reported_at "
        "from jobs where reported_at is not null"
    )
    op.create_table(
        "broadcasts",
        sa.Column("id", sa.Integer(), sa.Identity(always=True), primary_key=True),
        sa.Column("admin_id", sa.BigInteger(), nullable=False),
        sa.Column("html", sa.Text(), nullable=True),
        sa.Column("photo_file_id", sa.Text(), nullable=True),
        sa.Column("language", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("cursor", sa.BigInteger(), nullable=True),
        *(
            sa.Column(name, sa.Integer(), server_default="0", nullable=False)
            for name in ("recipients", "handled", "delivered", "unreachable", "refused")
        ),
        sa.Column("progress_message_id", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
    )
    op.create_table(
        "style_changes",
        sa.Column("name", sa.Text(), primary_key=True),
        sa.Column("place", sa.Integer(), nullable=True),
        sa.Column("enabled", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("title", JSONB(), nullable=True),
        sa.Column("emoji", sa.Text(), nullable=True),
        sa.Column("template", sa.Text(), nullable=True),
    )


def downgrade() -> None:
    for table in ("style_changes", "broadcasts", "review_cases"):
        op.drop_table(table)
